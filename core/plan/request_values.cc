#include "plan/request_values.h"

#include <postern/text/pairs.h>

namespace postern::proxy {

std::optional<std::string_view> find_cookie(const http::HeaderList& headers, std::string_view name) noexcept {
  for (const http::Field& field : headers.fields()) {
    if (!http::same_name(field.name, "cookie")) continue;
    if (auto value = postern::find_cookie(field.value, name)) return value;
  }
  return std::nullopt;
}

std::string_view decode_query_value(std::string_view text, Arena& arena) {
  if (text.find_first_of("+%") == std::string_view::npos) return text;
  char* begin = static_cast<char*>(arena.allocate(text.size(), 1));
  return {begin, static_cast<std::size_t>(write_query_decoded(begin, text) - begin)};
}

std::string_view host_of(std::string_view authority) noexcept {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace postern::proxy
