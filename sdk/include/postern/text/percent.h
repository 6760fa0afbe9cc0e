// Percent-encoding (RFC 3986 section 2.1), and the one rule for "+": in the names and values of a query it is a space, as in
// application/x-www-form-urlencoded; anywhere else it is a plus. What is no whole escape ("%", "%4", "%zz") stays as it is.
#pragma once

#include <string>

#include "postern/text/ascii.h"

namespace postern {

// RFC 3986 section 2.3: what never needs an escape.
constexpr bool is_unreserved(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// The byte that the escape at the front of `text` stands for; -1 when there is none.
constexpr int escaped_byte(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_value(text[1]), low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

// Takes the next character of an encoded text off its front. `text` is not empty.
constexpr char take_decoded(std::string_view& text) noexcept {
  const int byte = escaped_byte(text);
  const char c = byte < 0 ? text.front() : static_cast<char>(byte);
  text.remove_prefix(byte < 0 ? 1 : 3);
  return c;
}

// The same of a query's name or value.
constexpr char take_query_decoded(std::string_view& text) noexcept {
  const bool space = text.front() == '+';
  const char c = take_decoded(text);
  return space ? ' ' : c;
}

// Writes the decoded text, which is never longer than `text`; returns the place behind it.
constexpr char* write_decoded(char* to, std::string_view text) noexcept {
  while (!text.empty()) *to++ = take_decoded(text);
  return to;
}

constexpr char* write_query_decoded(char* to, std::string_view text) noexcept {
  while (!text.empty()) *to++ = take_query_decoded(text);
  return to;
}

inline std::string decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  out.resize(static_cast<std::size_t>(write_decoded(out.data(), text) - out.data()));
  return out;
}

inline std::string query_decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  out.resize(static_cast<std::size_t>(write_query_decoded(out.data(), text) - out.data()));
  return out;
}

// Whether a query's name or value, as it is written, stands for `plain`.
constexpr bool query_decodes_to(std::string_view written, std::string_view plain) noexcept {
  while (!written.empty() && !plain.empty()) {
    if (take_query_decoded(written) != plain.front()) return false;
    plain.remove_prefix(1);
  }
  return written.empty() && plain.empty();
}

// Escapes, in upper case, all that `stays(char)` does not let through. `to` has room for three times the text; returns the
// place behind the last character.
template <class Stays>
constexpr char* write_encoded(char* to, std::string_view text, Stays stays) noexcept {
  constexpr char kUpper[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (stays(c)) {
      *to++ = c;
      continue;
    }
    *to++ = '%';
    *to++ = kUpper[byte >> 4];
    *to++ = kUpper[byte & 15];
  }
  return to;
}

}  // namespace postern
