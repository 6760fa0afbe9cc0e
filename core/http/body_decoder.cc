#include "http/body_decoder.h"

#include <algorithm>

#include "http/char_class.h"

namespace postern::http {

void BodyDecoder::start(BodyFraming framing) noexcept {
  kind_ = framing.kind;
  left_ = framing.kind == BodyKind::length ? framing.length : 0;
  at_ = At::size;
  digits_ = line_bytes_ = 0;
}

tl::expected<BodyDecoder::Step, std::string_view> BodyDecoder::next(std::string_view bytes) noexcept {
  switch (kind_) {
    case BodyKind::none:
      break;
    case BodyKind::until_close:
      return Step{bytes.size(), bytes, Progress::more};
    case BodyKind::chunked:
      return next_in_chunks(bytes);
    case BodyKind::length: {
      auto data = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      left_ -= data.size();
      return Step{data.size(), data, left_ == 0 ? Progress::ended : Progress::more};
    }
  }
  return Step{0, {}, Progress::ended};
}

tl::expected<BodyDecoder::Step, std::string_view> BodyDecoder::next_in_chunks(std::string_view bytes) noexcept {
  std::size_t taken = 0;
  while (taken < bytes.size() && at_ != At::data) {
    auto problem = read_framing(bytes[taken++]);
    if (!problem.empty()) return tl::unexpected(problem);
  }
  if (last_chunk()) return Step{taken, {}, Progress::trailers};
  if (at_ != At::data) return Step{taken, {}, Progress::more};
  auto data = bytes.substr(taken, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - taken)));
  left_ -= data.size();
  if (left_ == 0) at_ = At::data_return;
  return Step{taken + data.size(), data, Progress::more};
}

std::string_view BodyDecoder::read_framing(char c) noexcept {
  if (at_ < At::data && ++line_bytes_ > kChunkLineBytes) return "chunk line too long";
  switch (at_) {
    case At::size:
      return read_size(c);
    case At::extension:
    case At::quoted:
    case At::quoted_pair:
      return read_extension(c);
    case At::line_feed:
      if (c != '\n') return "bare CR in chunk line";
      at_ = At::data;
      return {};
    case At::data_return:
      if (c != '\r') return "chunk data longer than its size";
      at_ = At::data_feed;
      return {};
    case At::data_feed:
      if (c != '\n') return "bare CR after chunk data";
      at_ = At::size;
      digits_ = line_bytes_ = 0;
      return {};
    case At::data:
      break;
  }
  return {};
}

std::string_view BodyDecoder::read_size(char c) noexcept {
  constexpr std::uint16_t kMaxDigits = 16;  // 64 bits
  int digit = hex_value(c);
  if (digit >= 0) {
    if (++digits_ > kMaxDigits) return "chunk size too large";
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    return {};
  }
  if (digits_ == 0) return "malformed chunk size";
  if (c == '\r') {
    at_ = At::line_feed;
  } else if (c == ';') {
    at_ = At::extension;
  } else {
    return "malformed chunk size";
  }
  return {};
}

// Extensions mean nothing here; what matters is that nobody can read a line end into them (also not inside quotes).
std::string_view BodyDecoder::read_extension(char c) noexcept {
  if (at_ == At::extension && c == '\r') {
    at_ = At::line_feed;
    return {};
  }
  if (!is(c, kValue)) return "malformed chunk extension";
  if (at_ == At::quoted_pair) {
    at_ = At::quoted;
  } else if (c == '"') {
    at_ = at_ == At::quoted ? At::extension : At::quoted;
  } else if (c == '\\' && at_ == At::quoted) {
    at_ = At::quoted_pair;
  }
  return {};
}

}  // namespace postern::http
