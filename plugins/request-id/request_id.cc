#include "request_id.h"

#include <postern/text/ascii.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace {

// xoshiro256++ (Blackman, Vigna): four words of state, a nanosecond a number.
class Generator {
 public:
  Generator() {
    std::random_device system;
    for (auto& word : state_) word = (static_cast<std::uint64_t>(system()) << 32) | system() | 1;
  }
  std::uint64_t operator()() noexcept {
    std::uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int by) noexcept { return (x << by) | (x >> (64 - by)); }
  std::array<std::uint64_t, 4> state_;
};

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
  thread_local Generator random;
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
