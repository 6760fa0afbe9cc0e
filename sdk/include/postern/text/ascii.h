// ASCII: classes of characters, case, blanks, hexadecimal digits and lists. The locale plays no part.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) noexcept { return is_lower(c) || is_upper(c); }
constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

// What names of header fields, methods and cookies are made of (RFC 9110 section 5.6.2).
constexpr bool is_token_character(char c) noexcept {
  return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr char to_lower(char c) noexcept { return is_upper(c) ? static_cast<char>(c + 0x20) : c; }

inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

constexpr bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

constexpr bool starts_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return same_ignoring_case(text.substr(0, prefix.size()), prefix);
}

// Without leading and trailing spaces and tabs.
constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The text before the first separator; `rest` goes on behind it. For lists: `while (!rest.empty()) take_piece(rest, ',')`.
constexpr std::string_view take_piece(std::string_view& rest, char separator) noexcept {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

inline constexpr char kHexDigits[] = "0123456789abcdef";

// 0 to 15; -1 when `c` is no hexadecimal digit.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Writes two digits, in lower case; returns the place behind them.
constexpr char* write_hex(char* to, unsigned char byte) noexcept {
  *to++ = kHexDigits[byte >> 4];
  *to++ = kHexDigits[byte & 15];
  return to;
}

inline void append_hex(std::string& out, unsigned char byte) {
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 15];
}

}  // namespace postern
