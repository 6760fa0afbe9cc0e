// JSON strings, for those who build JSON by hand: log lines, small bodies. Not a parser.
#pragma once

#include <string>

#include "postern/text/ascii.h"
#include "postern/text/utf8.h"

namespace postern {
namespace detail {

// Whether it breaks a line or moves a terminal's cursor: C0, DEL, C1 and Unicode's own separators.
constexpr bool is_control(std::uint32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

constexpr bool is_plain(char c, bool quotes) noexcept {
  return c >= 0x20 && c < 0x7F && c != '\\' && !(quotes && c == '"');
}

template <class Put>
constexpr void put_control(std::uint32_t c, Put& put) {
  if (c == '\n') return put("\\n");
  if (c == '\r') return put("\\r");
  if (c == '\t') return put("\\t");
  const char escape[] = {
      '\\', 'u', kHexDigits[c >> 12 & 15], kHexDigits[c >> 8 & 15], kHexDigits[c >> 4 & 15], kHexDigits[c & 15]};
  put(std::string_view(escape, sizeof escape));
}

// Puts what stands at the front of `text`, which is not plain; returns how many bytes that was.
template <class Put>
constexpr std::size_t put_escaped_front(std::string_view text, Put& put) {
  const CodePoint point = front_code_point(text);
  if (point.size == 0) {
    put(kReplacementCharacter);
    return 1;
  }
  if (is_control(point.value)) {
    put_control(point.value, put);
  } else {
    if (point.size == 1) put("\\");
    put(text.substr(0, point.size));
  }
  return point.size;
}

template <class Put>
constexpr void put_escaped(std::string_view text, bool quotes, Put put) {
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain], quotes)) ++plain;
    if (plain > 0) put(text.substr(0, plain));
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(put_escaped_front(text, put));
  }
}

}  // namespace detail

// How much longer escaping makes a text at most: a control character becomes \u00XX.
inline constexpr std::size_t kMaxJsonGrowth = 6;

// Writes `text` as it stands between the quotes of a JSON string: UTF-8 stays, control characters (DEL, C1 and the Unicode line
// separators too) are escaped, each byte that is not part of well-formed UTF-8 becomes U+FFFD. The result is UTF-8 on one line.
// `to` has room for kMaxJsonGrowth times the text; returns the place behind the last byte.
constexpr char* write_json_text(char* to, std::string_view text) noexcept {
  detail::put_escaped(text, true, [&to](std::string_view piece) { to += piece.copy(to, piece.size()); });
  return to;
}

// Appends `text` as a JSON string, quotes included.
inline void append_json(std::string& out, std::string_view text) {
  out += '"';
  detail::put_escaped(text, true, [&out](std::string_view piece) { out += piece; });
  out += '"';
}

inline std::string json_string(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

// The same without the quotes around it and with quotes inside left alone: for lines of plain text, not for JSON.
inline void append_one_line(std::string& out, std::string_view text) {
  detail::put_escaped(text, false, [&out](std::string_view piece) { out += piece; });
}

}  // namespace postern
