#include "server/request_lookup.h"

namespace postern::server {
namespace {

// The value of `name` in "name=value" pieces separated by `separator`.
std::optional<std::string_view> find_pair(std::string_view text, char separator, std::string_view name) noexcept {
  while (!text.empty()) {
    auto end = text.find(separator);
    auto piece = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    while (!piece.empty() && piece.front() == ' ') piece.remove_prefix(1);
    auto equals = piece.find('=');
    if (piece.substr(0, equals) != name) continue;
    return equals == piece.npos ? std::string_view{} : piece.substr(equals + 1);
  }
  return std::nullopt;
}

}  // namespace

std::string_view host_without_port(std::string_view authority) noexcept {
  if (authority.starts_with('[')) {
    auto end = authority.find(']');
    return end == authority.npos ? authority : authority.substr(0, end + 1);
  }
  return authority.substr(0, authority.find(':'));
}

std::optional<std::string_view> find_cookie(const http::HeaderList& headers, std::string_view name) noexcept {
  for (const auto& f : headers.fields()) {
    if (!http::same_name(f.name, "cookie")) continue;
    if (auto value = find_pair(f.value, ';', name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> find_query(std::string_view query, std::string_view name) noexcept {
  return find_pair(query, '&', name);
}

}  // namespace postern::server
