#include "key_table.h"

#include <openssl/crypto.h>

#include <cstring>

bool KeyTable::add(const Digest& digest, Consumer consumer) {
  return keys_.emplace(digest, std::move(consumer)).second;
}

const Consumer* KeyTable::find(const Digest& digest) const {
  auto found = keys_.find(digest);
  return found == keys_.end() ? nullptr : &found->second;
}

std::size_t KeyTable::Hash::operator()(const Digest& digest) const noexcept {
  std::size_t first = 0;
  std::memcpy(&first, digest.data(), sizeof first);
  return first;
}

bool KeyTable::Equal::operator()(const Digest& a, const Digest& b) const noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
