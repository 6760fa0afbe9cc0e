#include "plan/request_values.h"

namespace postern::proxy {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The next decoded byte of `text`, which loses what it took.
char next_decoded(std::string_view& text) noexcept {
  char c = text[0];
  std::size_t taken = 1;
  if (c == '+') {
    c = ' ';
  } else if (c == '%' && text.size() >= 3 && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0) {
    c = static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
    taken = 3;
  }
  text.remove_prefix(taken);
  return c;
}

bool decodes_to(std::string_view text, std::string_view plain) noexcept {
  while (!text.empty() && !plain.empty()) {
    if (next_decoded(text) != plain[0]) return false;
    plain.remove_prefix(1);
  }
  return text.empty() && plain.empty();
}

// The text before the separator; `rest` goes on after it.
std::string_view next_part(std::string_view& rest, char separator) noexcept {
  std::size_t end = rest.find(separator);
  std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::string_view> find_cookie(const http::HeaderList& headers, std::string_view name) noexcept {
  for (const http::Field& field : headers.fields()) {
    if (!http::same_name(field.name, "cookie")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      std::string_view pair = next_part(rest, ';');
      std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
      return trim(pair.substr(equals + 1));
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> find_query_parameter(std::string_view query, std::string_view name) noexcept {
  for (std::string_view rest = query; !rest.empty();) {
    std::string_view pair = next_part(rest, '&');
    std::size_t equals = pair.find('=');
    if (!decodes_to(pair.substr(0, equals), name)) continue;
    return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  }
  return std::nullopt;
}

std::string_view decode_query_value(std::string_view text, Arena& arena) {
  if (text.find_first_of("+%") == std::string_view::npos) return text;
  char* begin = static_cast<char*>(arena.allocate(text.size(), 1));
  char* to = begin;
  while (!text.empty()) *to++ = next_decoded(text);
  return {begin, static_cast<std::size_t>(to - begin)};
}

std::string_view host_of(std::string_view authority) noexcept {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace postern::proxy
