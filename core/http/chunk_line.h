// The line before the data of a chunk, up to its CR (RFC 9112 section 7.1): how long it may be, and its extensions. They mean
// nothing here; what matters is that nobody can read a line end or a size into them. The size is llhttp's to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace postern::http {

class ChunkLine {
 public:
  static constexpr std::size_t kMaxBytes = 1024;   // of the whole line, with its CR LF
  static constexpr std::uint16_t kMaxDigits = 16;  // of the size, leading zeros included: 64 bits

  void start() noexcept { *this = ChunkLine(); }
  // Both take from the front of `bytes` what belongs to the size and to the extensions, as far as it has come, and return
  // how much that was. They fail with the reason. What stands behind both begins the end of the line.
  tl::expected<std::size_t, const char*> take_size(std::string_view bytes) noexcept;
  tl::expected<std::size_t, const char*> take_extensions(std::string_view bytes) noexcept;

 private:
  enum class At : std::uint8_t {
    size,
    between,  // behind the size or a quoted value: the next extension or the end of the line
    name_start,
    name,
    value_start,
    value,
    quoted,
    quoted_pair,
    end,
    refused
  };

  At after(char c) const noexcept;

  At at_ = At::size;
  std::uint16_t bytes_ = 0;
};

}  // namespace postern::http
