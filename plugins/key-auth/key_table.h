// The keys that are good, by their digests. Built once, then read by all workers. Knows nothing of the gateway.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "digest.h"

// Who a key belongs to.
struct Consumer {
  std::string id;
  std::string tier;  // empty: none
};

class KeyTable {
 public:
  // False when that digest is there already.
  bool add(const Digest& digest, Consumer consumer);
  const Consumer* find(const Digest& digest) const;  // null: not a good key
  std::size_t size() const { return keys_.size(); }

 private:
  // Looking a digest up in a hash table tells by its timing how the first bytes of the digests compare, at most. That
  // helps nobody: what a client chooses is the key, its digest is as good as random, and from a digest's beginning no
  // key can be built piece by piece. The comparison that decides takes the same time wherever two digests differ.
  struct Hash {
    std::size_t operator()(const Digest& digest) const noexcept;
  };
  struct Equal {
    bool operator()(const Digest& a, const Digest& b) const noexcept;
  };
  std::unordered_map<Digest, Consumer, Hash, Equal> keys_;
};
