#include "base/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>

namespace postern {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 0;  // bytes; 0: not valid UTF-8 here
};

// The code point of two to four bytes at the front of `text` (RFC 3629): no overlong forms, no surrogates.
CodePoint multibyte_front(std::string_view text) noexcept {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  std::uint32_t value = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  bool valid = value >= kSmallest[size] && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  return valid ? CodePoint{value, size} : CodePoint{};
}

bool breaks_lines(std::uint32_t c) noexcept {  // or moves a terminal's cursor
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

void append_unicode_escape(std::string& out, std::uint32_t c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[c >> shift & 0xF];
}

void append_control(std::string& out, std::uint32_t c) {
  switch (c) {
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      append_unicode_escape(out, c);
  }
}

// Appends what stands at the front of `text`; returns how many bytes that was.
std::size_t append_multibyte(std::string& out, std::string_view text) {
  CodePoint point = multibyte_front(text);
  if (point.size == 0) {
    out += kReplacement;
    return 1;
  }
  if (breaks_lines(point.value)) {
    append_unicode_escape(out, point.value);
  } else {
    out += text.substr(0, point.size);
  }
  return point.size;
}

bool is_plain(char c, bool escape_quotes) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && c != '\\' && !(escape_quotes && c == '"');
}

void append_escaped(std::string& out, std::string_view text, bool escape_quotes) {
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain], escape_quotes)) ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    auto byte = static_cast<unsigned char>(text.front());
    std::size_t taken = 1;
    if (byte >= 0x80) {
      taken = append_multibyte(out, text);
    } else if (breaks_lines(byte)) {
      append_control(out, byte);
    } else {
      out += '\\';
      out += text.front();
    }
    text.remove_prefix(taken);
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, true);
  out += '"';
}

void append_escaped_text(std::string& out, std::string_view text) { append_escaped(out, text, false); }

void append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc()) out.append(text.data(), end);
}

}  // namespace postern
