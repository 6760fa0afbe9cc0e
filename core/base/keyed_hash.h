// SipHash-1-3 with a key drawn at start: clients who choose keys (addresses, tokens) cannot choose collisions.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern {

struct HashKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

const HashKey& process_hash_key();  // random, the same for the life of the process

std::uint64_t keyed_hash(std::string_view text, const HashKey& key) noexcept;

}  // namespace postern
