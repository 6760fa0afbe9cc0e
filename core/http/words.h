// Eight bytes of text at a time, in one 64-bit word. What it says of a byte does not depend on the byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace postern::http {

constexpr std::uint64_t every_byte(unsigned char value) noexcept { return value * 0x0101010101010101ull; }

inline std::uint64_t word_at(const char* at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Of 4 to 8 bytes: the first four and the last four.
inline std::uint64_t ends_of(const char* at, std::size_t size) noexcept {
  std::uint32_t first, last;
  std::memcpy(&first, at, sizeof(first));
  std::memcpy(&last, at + size - sizeof(last), sizeof(last));
  return static_cast<std::uint64_t>(last) << 32 | first;
}

// The top bit of each byte that is an ASCII letter.
constexpr std::uint64_t letters(std::uint64_t word) noexcept {
  std::uint64_t lower = (word | every_byte(0x20)) & every_byte(0x7f);
  return (lower + every_byte(0x80 - 'a')) & ~(lower + every_byte(0x7f - 'z')) & ~word & every_byte(0x80);
}

// Whether the words are the same but for the case of ASCII letters.
constexpr bool same_but_for_case(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t differs = a ^ b;
  if (differs == 0) return true;
  return (differs & ~every_byte(0x20)) == 0 && (differs << 2 & ~letters(a)) == 0;
}

// A top bit is set when a byte is a control, HTAB among them, or not ASCII; which byte it is need not be so.
constexpr std::uint64_t not_printable(std::uint64_t word) noexcept {
  return (word | (word + every_byte(1)) | (word - every_byte(0x20))) & every_byte(0x80);
}

}  // namespace postern::http
