// A dictionary that all workers and generations share: text, numbers and rate limits by key, bounded in size, with times to
// live. Any thread. The caller brings the time (monotonic milliseconds); threads' ideas of it may differ a little.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/limit.h"

namespace postern {

enum class DictStatus : std::uint8_t {
  ok,
  not_found,
  exists,    // add: the key is there
  conflict,  // compare_and_set: the value was another, or absent
  type,      // the value is no number, no limit, or a limit where text was asked for
  invalid,   // an argument out of its bounds
  limit      // the value cannot fit, or the sum leaves 64 bits
};

class Dict {
 public:
  static constexpr std::size_t kMaxKey = 1024;  // and at least 1
  static constexpr std::size_t kMaxValue = 1024 * 1024;

  explicit Dict(std::uint64_t max_bytes, HashKey key = process_hash_key());
  Dict(const Dict&) = delete;
  Dict& operator=(const Dict&) = delete;
  ~Dict();

  // Each is atomic by key. ttl_ms 0: for ever. Numbers read as decimal text; text that is a whole number counts as one.
  // get copies what fits into `buffer` and says in `length` how long the value is.
  DictStatus get(std::string_view key, std::span<char> buffer, std::uint64_t& length, std::uint64_t now_ms);
  DictStatus set(std::string_view key, std::string_view value, std::uint64_t ttl_ms, std::uint64_t now_ms);
  DictStatus add(std::string_view key, std::string_view value, std::uint64_t ttl_ms, std::uint64_t now_ms);
  DictStatus remove(std::string_view key, std::uint64_t now_ms);
  // An absent key counts as 0 and takes ttl_ms; a present one keeps its own.
  DictStatus increment(std::string_view key, std::int64_t amount, std::uint64_t ttl_ms, std::uint64_t now_ms,
                       std::int64_t& result);
  DictStatus compare_and_set(std::string_view key, std::string_view expected, std::string_view value,
                             std::uint64_t ttl_ms, std::uint64_t now_ms);
  // Allocates only for a new key. The entry lives until its limit is whole again.
  DictStatus limit(std::string_view key, const Limit& rule, std::uint64_t now_ms, LimitResult& result);

  void grow_to(std::uint64_t max_bytes) noexcept;  // the larger one wins
  std::uint64_t max_bytes() const noexcept { return max_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const noexcept {
    return totals_.bytes.load(std::memory_order_relaxed);
  }                          // entries with their overhead
  std::size_t size() const;  // entries, expired ones included

 private:
  struct Entry;
  class Shard;
  struct Totals {
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> made{0};  // entries ever made: the clock of "least recently used"
  };
  static constexpr std::size_t kShards = 16;

  template <class Action>
  DictStatus with_key(std::string_view key, std::uint64_t now_ms, Action action);
  bool fits(std::string_view key, std::string_view value) const noexcept;
  void evict();
  static std::size_t shard_of(std::uint64_t hash) noexcept { return hash >> 60; }

  HashKey key_;
  std::atomic<std::uint64_t> max_bytes_;
  Totals totals_;
  std::unique_ptr<Shard[]> shards_;
};

// The dictionaries of the process by name. They live as long as it does.
class Dicts {
 public:
  static constexpr std::size_t kMaxDicts = 1024;
  static constexpr std::uint64_t kMinBytes = 64 * 1024;

  // `max_total`: what the sizes of all may come to.
  explicit Dicts(std::uint64_t max_total) : max_total_(max_total) {}
  // The same name is the same dictionary; the larger size wins, kMinBytes is the smallest. 0 when the name is empty or
  // longer than 128 bytes, max_bytes is 0, there are kMaxDicts, or all together would have more than the total.
  std::uint64_t open(std::string_view name, std::uint64_t max_bytes);
  Dict* find(std::uint64_t id) const noexcept {
    return id == 0 || id > kMaxDicts ? nullptr : by_id_[id - 1].load(std::memory_order_acquire);
  }
  ~Dicts();

 private:
  bool reserve(std::uint64_t bytes);

  const std::uint64_t max_total_;
  std::mutex mutex_;
  std::uint64_t total_ = 0;
  std::vector<std::string> names_;  // by id - 1
  std::array<std::atomic<Dict*>, kMaxDicts> by_id_{};
};

// Those of the process: half of the machine's memory at most.
Dicts& dicts();

}  // namespace postern
