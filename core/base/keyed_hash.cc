#include "base/keyed_hash.h"

#include <postern/random.h>

#include <bit>
#include <cstring>

namespace postern {
namespace {

struct State {
  std::uint64_t a, b, c, d;
  void round() noexcept {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
};

std::uint64_t load(const char* from, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, from, size);
  return word;
}

}  // namespace

const HashKey& process_hash_key() {
  static const HashKey key{system_random(), system_random()};
  return key;
}

std::uint64_t keyed_hash(std::string_view text, const HashKey& key) noexcept {
  State s{key.first ^ 0x736f6d6570736575, key.second ^ 0x646f72616e646f6d, key.first ^ 0x6c7967656e657261,
          key.second ^ 0x7465646279746573};
  const char* at = text.data();
  for (std::size_t words = text.size() / 8; words > 0; --words, at += 8) {
    std::uint64_t word = load(at, 8);
    s.d ^= word;
    s.round();
    s.a ^= word;
  }
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  if (std::size_t rest = text.size() % 8; rest > 0) last |= load(at, rest);
  s.d ^= last;
  s.round();
  s.a ^= last;
  s.c ^= 0xff;
  s.round();
  s.round();
  s.round();
  return s.a ^ s.b ^ s.c ^ s.d;
}

}  // namespace postern
