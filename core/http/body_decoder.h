// Finds the data in the bytes of an HTTP/1 body (RFC 9112 sections 6 and 7). llhttp could, but takes neither all legal
// chunk extensions nor bounds the line they stand in, and calls back for each part of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace postern::http {

class BodyDecoder {
 public:
  static constexpr std::size_t kChunkLineBytes = 1024;  // size and extensions

  enum class Progress : std::uint8_t {
    more,      // there is more to come
    ended,     // that was all
    trailers,  // chunked: the trailer section follows
  };
  struct Step {
    std::size_t taken;      // at least one byte, unless the body ended
    std::string_view data;  // part of `bytes`; may be empty
    Progress progress;
  };

  void start(BodyFraming framing) noexcept;
  // `bytes` is not empty. Stops behind the first run of data. Fails with the reason.
  tl::expected<Step, std::string_view> next(std::string_view bytes) noexcept;
  bool ends_at_close() const noexcept { return kind_ == BodyKind::until_close; }

 private:
  enum class At : std::uint8_t { size, extension, quoted, quoted_pair, line_feed, data, data_return, data_feed };

  tl::expected<Step, std::string_view> next_in_chunks(std::string_view bytes) noexcept;
  std::string_view read_framing(char c) noexcept;  // the reason when it is refused, else nothing
  std::string_view read_size(char c) noexcept;
  std::string_view read_extension(char c) noexcept;
  bool last_chunk() const noexcept { return at_ == At::data && left_ == 0; }

  BodyKind kind_ = BodyKind::none;
  At at_ = At::size;
  std::uint16_t digits_ = 0;
  std::uint16_t line_bytes_ = 0;
  std::uint64_t left_ = 0;  // bytes of the body or chunk still to come
};

}  // namespace postern::http
