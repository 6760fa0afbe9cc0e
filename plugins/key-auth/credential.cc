#include "credential.h"

#include <postern/text/pairs.h>

using postern::Pair;

Occurrences find_parameters(std::string_view query, std::string_view name) noexcept {
  Occurrences found;
  while (!query.empty()) {
    const Pair parameter = postern::take_parameter(query);
    if (postern::query_decodes_to(parameter.name, name)) found = {found.count + 1, parameter.value};
  }
  return found;
}

std::string_view without_parameter(std::string_view query, std::string_view name, char* out) noexcept {
  std::size_t size = 0;
  bool first = true;
  while (!query.empty()) {
    const Pair parameter = postern::take_parameter(query);
    if (postern::query_decodes_to(parameter.name, name)) continue;
    if (!first) out[size++] = '&';
    first = false;
    size += parameter.text.copy(out + size, parameter.text.size());
  }
  return {out, size};
}

std::optional<std::string_view> decoded_value(std::string_view value, std::span<char> buffer) noexcept {
  std::size_t size = 0;
  while (!value.empty()) {
    if (size == buffer.size()) return std::nullopt;
    buffer[size++] = postern::take_query_decoded(value);
  }
  return std::string_view(buffer.data(), size);
}

Occurrences find_cookies(std::string_view header, std::string_view name) noexcept {
  Occurrences found;
  while (!header.empty()) {
    const Pair cookie = postern::take_cookie(header);
    if (cookie.name == name) found = {found.count + 1, cookie.value};
  }
  return found;
}

void CookiesBut::add(std::string_view header) noexcept {
  while (!header.empty()) {
    const Pair cookie = postern::take_cookie(header);
    if (cookie.text.empty() || cookie.name == name_) continue;
    if (size_ > 0) out_[size_++] = ';', out_[size_++] = ' ';
    size_ += cookie.text.copy(out_ + size_, cookie.text.size());
  }
}
