// What a byte may be in HTTP syntax: one table for all parsers of this folder.
#pragma once

#include <postern/text/ascii.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::http {

enum CharClass : std::uint8_t {
  kToken = 1,       // RFC 9110 section 5.6.2
  kValue = 2,       // may stand in a field value: no controls but HTAB
  kUnreserved = 4,  // RFC 3986 section 2.3
  kHost = 8,        // reg-name without escapes: unreserved and sub-delims
  kTarget = 16,     // may stand in a request target: printable ASCII but space, '#'
  kNoUpper = 32,    // anything but A to Z
};

constexpr std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> table{};
  auto mark = [&table](std::string_view chars, unsigned what) {
    for (char c : chars) table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(what);
  };
  for (unsigned c = 0x20; c < 256; ++c) {
    if (c == 0x7f) continue;
    table[c] |= kValue;
    if (c > 0x20 && c < 0x7f) table[c] |= kTarget;
  }
  mark("\t", kValue);
  for (unsigned c = 0; c < 256; ++c) table[c] |= c < 'A' || c > 'Z' ? kNoUpper : 0;
  table['#'] &= static_cast<std::uint8_t>(~kTarget);
  constexpr std::string_view kAlnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  mark(kAlnum, kToken | kUnreserved | kHost);
  mark("!#$%&'*+-.^_`|~", kToken);
  mark("-._~", kUnreserved | kHost);
  mark("!$&'()*+,;=", kHost);
  return table;
}

inline constexpr std::array<std::uint8_t, 256> kCharClasses = make_char_classes();

constexpr bool is(char c, CharClass what) noexcept { return (kCharClasses[static_cast<unsigned char>(c)] & what) != 0; }

constexpr bool all_are(std::string_view text, CharClass what) noexcept {
  auto classes = [at = text.data()](std::size_t i) {
    return unsigned{kCharClasses[static_cast<unsigned char>(at[i])]};
  };
  unsigned all = what;
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) all &= classes(i) & classes(i + 1) & classes(i + 2) & classes(i + 3);
  for (; i < text.size(); ++i) all &= classes(i);
  return all != 0;
}

}  // namespace postern::http
