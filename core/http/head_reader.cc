#include "http/head_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "http/char_class.h"

namespace postern::http {

void HeadReader::start(bool start_line) noexcept {
  in_start_line_ = start_line;
  line_bytes_ = total_ = fields_ = 0;
  data_ = nullptr;
  size_ = capacity_ = 0;
}

HeadReader::Step HeadReader::read(std::string_view piece, Arena& arena) {
  Step step = scan(piece);
  if (step.outcome == Outcome::more || step.outcome == Outcome::complete)
    keep(piece.substr(0, step.taken), step.outcome == Outcome::complete, arena);
  return step;
}

// `before`: the byte before the LF.
inline HeadReader::Outcome HeadReader::end_line(char before) noexcept {
  std::size_t line = std::exchange(line_bytes_, 0);
  if (line < 2 || before != '\r') return Outcome::bad_line;
  if (line == 2) return in_start_line_ ? Outcome::bad_line : Outcome::complete;
  if (!std::exchange(in_start_line_, false) && ++fields_ > limits_.fields) return Outcome::too_many_fields;
  return Outcome::more;
}

// The first limit that the bytes run into, so that the answer does not depend on how they were split.
inline HeadReader::Outcome HeadReader::check_size(std::size_t line_bytes, std::size_t total) const noexcept {
  if (in_start_line_) {
    std::size_t line_limit = limits_.request_line_bytes + kLineEnd;
    if (line_bytes > line_limit && line_limit <= limits_.head_bytes) return Outcome::line_too_long;
  }
  return total > limits_.head_bytes ? Outcome::head_too_large : Outcome::more;
}

HeadReader::Step HeadReader::scan(std::string_view piece) noexcept {
  const char* const begin = piece.data();
  const char* const end = begin + piece.size();
  const char* at = begin;
  auto taken = [&] { return static_cast<std::size_t>(at - begin); };
  while (at < end) {
    if (line_bytes_ == 0 && is_blank(*at)) return {Outcome::bad_line, taken()};
    const auto* lf = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* line_end = lf != nullptr ? lf + 1 : end;
    auto length = static_cast<std::uint32_t>(line_end - at);
    line_bytes_ += length;
    total_ += length;
    if (auto size = check_size(line_bytes_, total_); size != Outcome::more) return {size, taken()};
    char before = length > 1 ? line_end[-2] : last_;
    at = line_end;
    if (lf == nullptr) break;
    if (auto line = end_line(before); line != Outcome::more) return {line, taken()};
  }
  last_ = piece.back();
  return {Outcome::more, piece.size()};
}

void HeadReader::keep(std::string_view piece, bool last, Arena& arena) {
  if (piece.empty()) return;
  if (size_ + piece.size() > capacity_) {
    constexpr std::size_t kFirstRoom = 512;
    std::size_t wanted = size_ + piece.size();
    capacity_ = last ? wanted : std::max(2 * wanted, kFirstRoom);
    auto* data = static_cast<char*>(arena.allocate(capacity_, 1));
    if (size_ > 0) std::memcpy(data, data_, size_);
    data_ = data;
  }
  std::memcpy(data_ + size_, piece.data(), piece.size());
  size_ += piece.size();
}

}  // namespace postern::http
