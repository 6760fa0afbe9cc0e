#include "http/chunk_line.h"

#include "http/char_class.h"

namespace postern::http {

tl::expected<std::size_t, const char*> ChunkLine::take_size(std::string_view bytes) noexcept {
  std::size_t taken = 0;
  for (; at_ == At::size && taken < bytes.size(); ++taken) {
    if (hex_value(bytes[taken]) < 0) {
      at_ = bytes[taken] == ';' ? At::between : At::end;
      break;
    }
    if (++bytes_ > kMaxDigits) return tl::unexpected<const char*>("chunk size too large");
  }
  return taken;
}

tl::expected<std::size_t, const char*> ChunkLine::take_extensions(std::string_view bytes) noexcept {
  constexpr std::size_t kLineEnd = 2;  // CR LF
  std::size_t taken = 0;
  for (; at_ != At::end && taken < bytes.size(); ++taken) {
    at_ = after(bytes[taken]);
    if (at_ == At::end) break;
    if (at_ == At::refused) return tl::unexpected<const char*>("malformed chunk extension");
    if (++bytes_ + kLineEnd > kMaxBytes) return tl::unexpected<const char*>("chunk line too long");
  }
  return taken;
}

// chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ), without the white space that RFC 9112 calls bad.
ChunkLine::At ChunkLine::after(char c) const noexcept {
  const bool whole = at_ == At::between || at_ == At::name || at_ == At::value;
  if (whole && c == ';') return At::name_start;
  if (whole && c == '\r') return At::end;
  switch (at_) {
    case At::name:
      if (c == '=') return At::value_start;
      [[fallthrough]];
    case At::name_start:
      return is(c, kToken) ? At::name : At::refused;
    case At::value_start:
      if (c == '"') return At::quoted;
      [[fallthrough]];
    case At::value:
      return is(c, kToken) ? At::value : At::refused;
    case At::quoted:
      if (c == '"') return At::between;
      if (c == '\\') return At::quoted_pair;
      [[fallthrough]];
    case At::quoted_pair:
      return is(c, kValue) ? At::quoted : At::refused;
    default:
      return At::refused;
  }
}

}  // namespace postern::http
