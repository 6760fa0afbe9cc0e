#include "request_id.h"

#include <postern/random.h>
#include <postern/text/ascii.h>

#include <algorithm>
#include <cstring>

namespace {

constexpr auto kHexPairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (unsigned byte = 0; byte < 256; ++byte) postern::write_hex(pairs[byte].data(), static_cast<unsigned char>(byte));
  return pairs;
}();

bool is_id_character(char c) noexcept {
  return postern::is_letter(c) || postern::is_digit(c) || c == '.' || c == '_' || c == '-';
}

}  // namespace

bool is_request_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), is_id_character);
}

Uuid::Uuid() {
  thread_local postern::Random random;
  std::uint64_t high = (random() & ~0xf000ull) | 0x4000ull;       // version 4
  std::uint64_t low = (random() & ~(3ull << 62)) | (2ull << 62);  // variant 10
  char* at = text_.data();
  auto bytes = [&at](std::uint64_t bits, int count) {
    for (int shift = (count - 1) * 8; shift >= 0; shift -= 8, at += 2)
      std::memcpy(at, kHexPairs[(bits >> shift) & 255].data(), 2);
  };
  bytes(high >> 32, 4);
  *at++ = '-';
  bytes(high >> 16, 2);
  *at++ = '-';
  bytes(high, 2);
  *at++ = '-';
  bytes(low >> 48, 2);
  *at++ = '-';
  bytes(low, 6);
}
