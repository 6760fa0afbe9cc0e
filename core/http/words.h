// Eight or sixteen bytes of text at a time. What is said of a byte does not depend on the byte order.
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

// Sixteen bytes, each handled alike.
using Bytes16 = unsigned char __attribute__((vector_size(16)));

inline Bytes16 bytes_at(const char* at) noexcept {
  Bytes16 bytes;
  std::memcpy(&bytes, at, sizeof(bytes));
  return bytes;
}

inline Bytes16 bytes_of(std::uint64_t first, std::uint64_t last) noexcept {
  const std::uint64_t words[2] = {first, last};
  Bytes16 bytes;
  std::memcpy(&bytes, words, sizeof(bytes));
  return bytes;
}

// Of 8 to 16 bytes: all of them, some twice.
inline Bytes16 all_bytes(const char* at, std::size_t size) noexcept {
  return bytes_of(word_at(at), word_at(at + size - 8));
}

inline bool none_set(Bytes16 bytes) noexcept {
  std::uint64_t words[2];
  std::memcpy(words, &bytes, sizeof(words));
  return (words[0] | words[1]) == 0;
}

// A byte becomes non-zero when it is no ASCII letter, digit or '-': what names of fields are made of, as a rule.
inline Bytes16 not_name_bytes(Bytes16 bytes) noexcept {
  auto letter = (bytes | 0x20) - 'a' <= 'z' - 'a';
  auto digit = bytes - '0' <= 9;
  auto dash = bytes == '-';
  return reinterpret_cast<Bytes16>(~(letter | digit | dash));
}

// A byte becomes non-zero when it is a control, HTAB among them.
inline Bytes16 controls(Bytes16 bytes) noexcept { return reinterpret_cast<Bytes16>((bytes < 0x20) | (bytes == 0x7f)); }

// Whether the words are the same but for the case of ASCII letters.
constexpr bool same_but_for_case(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t differs = a ^ b;
  if (differs == 0) return true;
  return (differs & ~every_byte(0x20)) == 0 && (differs << 2 & ~letters(a)) == 0;
}

}  // namespace postern::http
