// Gathers one head (or trailer section) in an arena, in however many pieces it comes, and enforces its limits and what tells its
// lines apart: each ends in CR LF and none is folded. What the lines say is for start_line.h and h1_parser.h to judge.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/codec.h"

namespace postern::http {

class HeadReader {
 public:
  enum class Outcome : std::uint8_t { more, complete, line_too_long, head_too_large, too_many_fields, bad_line };
  struct Step {
    Outcome outcome;
    std::size_t taken;  // all of the piece unless the head is complete or refused
  };

  explicit HeadReader(const HeadLimits& limits) noexcept : limits_(limits) {}

  void start_head() noexcept { start(true); }
  void start_trailers() noexcept { start(false); }  // no start line
  Step read(std::string_view piece, Arena& arena);
  std::string_view bytes() const noexcept { return {data_, size_}; }  // of the complete head, with the empty line

 private:
  static constexpr std::size_t kLineEnd = 2;  // CR LF

  void start(bool start_line) noexcept;
  Step scan(std::string_view piece) noexcept;
  Outcome end_line(char before) noexcept;
  Outcome check_size(std::size_t line_bytes, std::size_t total) const noexcept;
  void keep(std::string_view piece, bool last, Arena& arena);

  HeadLimits limits_;
  bool in_start_line_ = true;
  char last_ = 0;                 // the byte before the piece
  std::uint32_t line_bytes_ = 0;  // of the running line, so far
  std::uint32_t total_ = 0;
  std::uint32_t fields_ = 0;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace postern::http
