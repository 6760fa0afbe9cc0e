// Random numbers: fast ones for ids and choices, the system's for seeds and keys. Standard library only: the gateway draws its
// own with the same functions.
#pragma once

#include <bit>
#include <cstdint>
#include <random>

namespace postern {

// From the system's generator: good for keys, too slow for each request.
inline std::uint64_t system_random() {
  std::random_device source;
  return static_cast<std::uint64_t>(source()) << 32 | source();
}

// xoshiro256++ (Blackman, Vigna): a nanosecond a number. Not secret: who sees some numbers can tell the next ones. For one thread
// at a time.
class Random {
 public:
  using result_type = std::uint64_t;

  Random() : state_{system_random(), system_random(), system_random(), system_random()} {}
  // The same numbers for the same seed, which splitmix64 spreads over the state.
  explicit Random(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) {
      std::uint64_t z = seed += 0x9e3779b97f4a7c15;
      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
      z = (z ^ z >> 27) * 0x94d049bb133111eb;
      word = z ^ z >> 31;
    }
  }

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return UINT64_MAX; }

  result_type operator()() noexcept {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // 0 to bound - 1. As even as makes no difference for bounds far below 2^64.
  std::uint64_t below(std::uint64_t bound) noexcept { return (*this)() % bound; }

 private:
  std::uint64_t state_[4];
};

}  // namespace postern
