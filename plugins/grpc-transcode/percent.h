// Percent-encoding (RFC 3986 section 2.1), as URLs and grpc-message have it.
#pragma once

#include <cstddef>
#include <string_view>

// The byte that "%XX" at `at` stands for; -1 when there is no whole escape.
inline int percent_byte(std::string_view text, std::size_t at) noexcept {
  auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  if (at + 2 >= text.size() || text[at] != '%') return -1;
  int high = digit(text[at + 1]), low = digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}
