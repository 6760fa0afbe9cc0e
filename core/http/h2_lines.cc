#include "http/h2_lines.h"

#include <charconv>

#include "http/known_fields.h"
#include "http/trailers.h"

namespace postern::http {
namespace {

// What a secret says is not to be guessed from how well it compresses (RFC 7541 section 7.1).
bool is_secret(std::string_view name) noexcept {
  switch (name.size()) {
    case 6:
      return same_name(name, "cookie");
    case 10:
      return same_name(name, "set-cookie");
    case 13:
      return same_name(name, "authorization");
    case 19:
      return same_name(name, "proxy-authorization");
    default:
      return false;
  }
}

// nghttp2's struct is not const, but what it points to is only read.
std::uint8_t* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

void H2Lines::put(std::string_view name, std::string_view value) {
  std::uint8_t flags = is_secret(name) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
  lines_.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), flags});
}

void H2Lines::put_number(std::string_view name, std::uint64_t number, std::array<char, 20>& text) {
  auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  put(name, {text.data(), static_cast<std::size_t>(end - text.data())});
}

void H2Lines::put_fields(const HeaderList& fields) {
  for (const Field& field : fields)
    if (known_field(field.name) == KnownField::other) put(field.name, field.value);
}

void H2Lines::set_request(const RequestHead& head, std::string_view scheme, std::optional<std::uint64_t> length) {
  lines_.clear();
  const Field* host = head.headers.find("Host");  // a plugin may have changed it
  put(":method", head.extended_connect ? "CONNECT" : head.method);
  if (head.extended_connect) put(":protocol", head.upgrade_protocol);
  put(":scheme", scheme);
  put(":authority", host != nullptr ? host->value : head.authority);
  put(":path", head.target);
  put_fields(head.headers);
  if (head.te_trailers) put("te", "trailers");
  if (head.expect_continue) put("expect", "100-continue");
  if (length) put_number("content-length", *length, length_);
}

void H2Lines::set_response(const ResponseHead& head, std::optional<std::uint64_t> length) {
  lines_.clear();
  put_number(":status", head.status, status_);
  put_fields(head.headers);
  if (length) put_number("content-length", *length, length_);
}

void H2Lines::set_trailers(const HeaderList& trailers) {
  lines_.clear();
  for (const Field& field : trailers)
    if (may_be_trailer(field.name)) put(field.name, field.value);
}

}  // namespace postern::http
