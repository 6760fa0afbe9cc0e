// Names and values: the parameters of a query, the cookies of a Cookie field. Views, taken one after another:
//
//   for (std::string_view rest = query; !rest.empty();) {
//     const postern::Pair parameter = postern::take_parameter(rest);
//     if (postern::query_decodes_to(parameter.name, "page")) ...
//   }
#pragma once

#include <optional>

#include "postern/text/percent.h"

namespace postern {

struct Pair {
  std::string_view text;         // the whole, as it is written
  std::string_view name, value;  // as they are written; the value is empty when there is no "="
  bool has_value = false;        // there is a "="
};

constexpr Pair pair_of(std::string_view text) noexcept {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {text, text, {}, false};
  return {text, text.substr(0, equals), text.substr(equals + 1), true};
}

// The parameter at the front of "a=1&b=2", still encoded. Empty pieces ("a&&b") are pairs without a name.
constexpr Pair take_parameter(std::string_view& query) noexcept { return pair_of(take_piece(query, '&')); }

// The cookie at the front of "a=1; b=2" (RFC 6265 section 4.2.1), without the blanks around it, its name and its value; quotes
// stay.
constexpr Pair take_cookie(std::string_view& field) noexcept {
  Pair cookie = pair_of(trim(take_piece(field, ';')));
  cookie.name = trim(cookie.name);
  cookie.value = trim(cookie.value);
  return cookie;
}

// The value of the first parameter of that name, as it is written: empty for one without "=". Names are compared decoded, so
// that "api%5Fkey" is no other parameter than "api_key".
constexpr std::optional<std::string_view> find_parameter(std::string_view query, std::string_view name) noexcept {
  while (!query.empty()) {
    const Pair parameter = take_parameter(query);
    if (query_decodes_to(parameter.name, name)) return parameter.value;
  }
  return std::nullopt;
}

// The value of the first cookie of that name in one Cookie field; names have a case.
constexpr std::optional<std::string_view> find_cookie(std::string_view field, std::string_view name) noexcept {
  while (!field.empty()) {
    const Pair cookie = take_cookie(field);
    if (cookie.has_value && cookie.name == name) return cookie.value;
  }
  return std::nullopt;
}

}  // namespace postern
