// Copies text that is short as a rule: names and values of headers. Saves the call to memcpy, which costs more than they do.
#pragma once

#include <cstddef>
#include <cstring>

namespace postern {

namespace detail {

// Copies Half to 2 * Half bytes: the first ones and the last ones, which may overlap.
template <std::size_t Half>
inline void copy_ends(char* to, const char* from, std::size_t size) noexcept {
  char first[Half], last[Half];
  std::memcpy(first, from, Half);
  std::memcpy(last, from + size - Half, Half);
  std::memcpy(to, first, Half);
  std::memcpy(to + size - Half, last, Half);
}

}  // namespace detail

// `size` is at least 1; the two do not overlap.
inline void copy_text(char* to, const char* from, std::size_t size) noexcept {
  if (size > 32) {
    std::memcpy(to, from, size);
  } else if (size >= 16) {
    detail::copy_ends<16>(to, from, size);
  } else if (size >= 8) {
    detail::copy_ends<8>(to, from, size);
  } else if (size >= 4) {
    detail::copy_ends<4>(to, from, size);
  } else {
    to[0] = from[0];
    to[size / 2] = from[size / 2];
    to[size - 1] = from[size - 1];
  }
}

}  // namespace postern
