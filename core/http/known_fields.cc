#include "http/known_fields.h"

#include "http/headers.h"

namespace postern::http {
namespace {

// Of names that are equally long: most differ in their first letter already.
inline bool is_name(std::string_view name, std::string_view known) noexcept {
  return ((name.front() ^ known.front()) & ~0x20) == 0 && same_letters(name.data(), known.data(), known.size());
}

inline KnownField if_same(std::string_view name, std::string_view known, KnownField field) noexcept {
  return is_name(name, known) ? field : KnownField::other;
}

}  // namespace

KnownField detail::known_field_of_length(std::string_view name) noexcept {
  using enum KnownField;
  switch (name.size()) {
    case 2:
      return if_same(name, "TE", te);
    case 4:
      return if_same(name, "Host", host);
    case 6:
      return if_same(name, "Expect", expect);
    case 7:
      return is_name(name, "Trailer") ? trailer : if_same(name, "Upgrade", upgrade);
    case 10:
      return is_name(name, "Connection") ? connection : if_same(name, "Keep-Alive", keep_alive);
    case 14:
      return if_same(name, "Content-Length", content_length);
    case 16:
      return if_same(name, "Proxy-Connection", proxy_connection);
    case 17:
      return if_same(name, "Transfer-Encoding", transfer_encoding);
    default:
      return other;
  }
}

}  // namespace postern::http
