#include "base/dict.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <variant>

#include "base/machine_memory.h"

namespace postern {
namespace {

constexpr std::size_t kFirstBuckets = 16;
constexpr std::size_t kMaxDictName = 128;
constexpr std::uint64_t kForever = std::numeric_limits<std::uint64_t>::max();

std::uint64_t expiry(std::uint64_t ttl_ms, std::uint64_t now_ms) noexcept {
  return ttl_ms == 0 || ttl_ms > kForever - now_ms ? kForever : now_ms + ttl_ms;
}

using Value = std::variant<std::string, std::int64_t, LimitState>;

struct DecimalText {
  char text[24];
  std::size_t size;
  explicit DecimalText(std::int64_t number) noexcept
      : size(static_cast<std::size_t>(std::to_chars(text, text + sizeof text, number).ptr - text)) {}
  std::string_view view() const noexcept { return {text, size}; }
};

std::optional<std::int64_t> whole_number(const Value& value) noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  bool all = read.ec == std::errc{} && read.ptr == text->data() + text->size();
  return all ? std::optional(number) : std::nullopt;
}

std::size_t text_size(const Value& value) noexcept {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? 0 : text->size();
}

}  // namespace

// One allocation: the key's bytes follow the entry.
struct Dict::Entry {
  Entry* chain = nullptr;  // next in the bucket
  Entry* newer = nullptr;
  Entry* older = nullptr;
  std::uint64_t hash;
  std::uint64_t expires_ms = kForever;
  std::uint64_t last_use = 0;  // how many entries had been made when it was last used
  std::uint32_t key_size;
  Value value;

  static Entry* make(std::string_view key, std::uint64_t hash, Value value) {
    void* memory = ::operator new(sizeof(Entry) + key.size());
    auto* entry = new (memory) Entry(hash, static_cast<std::uint32_t>(key.size()), std::move(value));
    std::memcpy(static_cast<char*>(memory) + sizeof(Entry), key.data(), key.size());
    return entry;
  }
  static void destroy(Entry* entry) noexcept {
    entry->~Entry();
    ::operator delete(entry);
  }
  std::string_view key() const noexcept { return {reinterpret_cast<const char*>(this + 1), key_size}; }
  std::uint64_t bytes() const noexcept { return sizeof(Entry) + sizeof(void*) + key_size + text_size(value); }

 private:
  Entry(std::uint64_t h, std::uint32_t size, Value&& v) noexcept : hash(h), key_size(size), value(std::move(v)) {}
};

// A hash table with its entries in order of use. Everything but the atomics is guarded by the mutex.
class alignas(64) Dict::Shard {
 public:
  Shard() = default;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard() {
    while (oldest_ != nullptr) erase(*oldest_);
  }

  std::mutex mutex;
  Totals* totals = nullptr;
  // [any thread, without the mutex] kForever when there is none.
  std::uint64_t last_use_of_oldest() const noexcept { return oldest_use_.load(std::memory_order_relaxed); }

  // The live entry of that key, now the newest; null when there is none.
  Entry* find(std::string_view key, std::uint64_t hash, std::uint64_t now_ms) {
    if (buckets_.empty()) return nullptr;
    Entry* entry = bucket(hash);
    while (entry != nullptr && (entry->hash != hash || entry->key() != key)) entry = entry->chain;
    if (entry == nullptr) return nullptr;
    if (entry->expires_ms <= now_ms) {
      erase(*entry);
      return nullptr;
    }
    unlink(*entry);
    link_newest(*entry);
    return entry;
  }
  Entry& insert(std::string_view key, std::uint64_t hash, Value value, std::uint64_t expires_ms) {
    if (size_ >= buckets_.size()) grow();
    totals->made.fetch_add(1, std::memory_order_relaxed);
    Entry* entry = Entry::make(key, hash, std::move(value));
    entry->expires_ms = expires_ms;
    entry->chain = bucket(hash);
    bucket(hash) = entry;
    link_newest(*entry);
    ++size_;
    totals->bytes.fetch_add(entry->bytes(), std::memory_order_relaxed);
    return *entry;
  }
  void replace(Entry& entry, Value value) noexcept {
    totals->bytes.fetch_sub(entry.bytes(), std::memory_order_relaxed);
    entry.value = std::move(value);
    totals->bytes.fetch_add(entry.bytes(), std::memory_order_relaxed);
  }
  void erase(Entry& entry) noexcept {
    Entry** link = &bucket(entry.hash);
    while (*link != &entry) link = &(*link)->chain;
    *link = entry.chain;
    unlink(entry);
    --size_;
    totals->bytes.fetch_sub(entry.bytes(), std::memory_order_relaxed);
    Entry::destroy(&entry);
  }
  void erase_oldest() noexcept {
    if (oldest_ != nullptr) erase(*oldest_);
  }
  std::size_t size() const noexcept { return size_; }

 private:
  Entry*& bucket(std::uint64_t hash) noexcept { return buckets_[hash & (buckets_.size() - 1)]; }
  void grow() {
    std::vector<Entry*> before(std::max(kFirstBuckets, buckets_.size() * 2), nullptr);
    buckets_.swap(before);
    for (Entry* entry = newest_; entry != nullptr; entry = entry->older) {
      entry->chain = bucket(entry->hash);
      bucket(entry->hash) = entry;
    }
  }
  void link_newest(Entry& entry) noexcept {
    entry.last_use = totals->made.load(std::memory_order_relaxed);
    entry.newer = nullptr;
    entry.older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = &entry;
    newest_ = &entry;
    note_oldest();
  }
  void unlink(Entry& entry) noexcept {
    (entry.newer != nullptr ? entry.newer->older : newest_) = entry.older;
    (entry.older != nullptr ? entry.older->newer : oldest_) = entry.newer;
    note_oldest();
  }
  void note_oldest() noexcept {
    oldest_use_.store(oldest_ == nullptr ? kForever : oldest_->last_use, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> oldest_use_{kForever};
  std::vector<Entry*> buckets_;
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
  std::size_t size_ = 0;
};

Dict::Dict(std::uint64_t max_bytes, HashKey key) : key_(key), max_bytes_(max_bytes), shards_(new Shard[kShards]) {
  for (std::size_t i = 0; i < kShards; ++i) shards_[i].totals = &totals_;
}

Dict::~Dict() = default;

template <class Action>
DictStatus Dict::with_key(std::string_view key, std::uint64_t now_ms, Action action) {
  if (key.empty() || key.size() > kMaxKey) return DictStatus::invalid;
  std::uint64_t hash = keyed_hash(key, key_);
  std::size_t at = shard_of(hash);
  DictStatus status;
  {
    std::lock_guard lock(shards_[at].mutex);
    status = action(shards_[at], shards_[at].find(key, hash, now_ms), hash);
  }
  if (bytes() > max_bytes()) evict();
  return status;
}

// The least recently used of all shards go. The newest entry fits alone (`fits`), so this ends before it is reached.
void Dict::evict() {
  while (bytes() > max_bytes()) {
    std::size_t from = 0;
    for (std::size_t i = 1; i < kShards; ++i)
      if (shards_[i].last_use_of_oldest() < shards_[from].last_use_of_oldest()) from = i;
    if (shards_[from].last_use_of_oldest() == kForever) return;
    std::lock_guard lock(shards_[from].mutex);
    shards_[from].erase_oldest();
  }
}

bool Dict::fits(std::string_view key, std::string_view value) const noexcept {
  return sizeof(Entry) + sizeof(void*) + key.size() + value.size() <= max_bytes();
}

DictStatus Dict::get(std::string_view key, std::span<char> buffer, std::uint64_t& length, std::uint64_t now_ms) {
  return with_key(key, now_ms, [&](Shard&, Entry* entry, std::uint64_t) {
    if (entry == nullptr) return DictStatus::not_found;
    auto copy = [&](std::string_view text) {
      length = text.size();
      if (std::size_t part = std::min(text.size(), buffer.size()); part > 0)
        std::memcpy(buffer.data(), text.data(), part);
      return DictStatus::ok;
    };
    if (const auto* text = std::get_if<std::string>(&entry->value)) return copy(*text);
    if (const auto* number = std::get_if<std::int64_t>(&entry->value)) return copy(DecimalText(*number).view());
    return DictStatus::type;
  });
}

DictStatus Dict::set(std::string_view key, std::string_view value, std::uint64_t ttl_ms, std::uint64_t now_ms) {
  if (value.size() > kMaxValue) return DictStatus::invalid;
  if (!fits(key, value)) return DictStatus::limit;
  return with_key(key, now_ms, [&](Shard& shard, Entry* entry, std::uint64_t hash) {
    std::uint64_t expires_ms = expiry(ttl_ms, now_ms);
    if (entry == nullptr) {
      shard.insert(key, hash, std::string(value), expires_ms);
    } else {
      shard.replace(*entry, std::string(value));
      entry->expires_ms = expires_ms;
    }
    return DictStatus::ok;
  });
}

DictStatus Dict::add(std::string_view key, std::string_view value, std::uint64_t ttl_ms, std::uint64_t now_ms) {
  if (value.size() > kMaxValue) return DictStatus::invalid;
  if (!fits(key, value)) return DictStatus::limit;
  return with_key(key, now_ms, [&](Shard& shard, Entry* entry, std::uint64_t hash) {
    if (entry != nullptr) return DictStatus::exists;
    shard.insert(key, hash, std::string(value), expiry(ttl_ms, now_ms));
    return DictStatus::ok;
  });
}

DictStatus Dict::remove(std::string_view key, std::uint64_t now_ms) {
  return with_key(key, now_ms, [&](Shard& shard, Entry* entry, std::uint64_t) {
    if (entry == nullptr) return DictStatus::not_found;
    shard.erase(*entry);
    return DictStatus::ok;
  });
}

DictStatus Dict::increment(std::string_view key, std::int64_t amount, std::uint64_t ttl_ms, std::uint64_t now_ms,
                           std::int64_t& result) {
  return with_key(key, now_ms, [&](Shard& shard, Entry* entry, std::uint64_t hash) {
    if (entry == nullptr) {
      if (!fits(key, {})) return DictStatus::limit;
      shard.insert(key, hash, result = amount, expiry(ttl_ms, now_ms));
      return DictStatus::ok;
    }
    auto number = whole_number(entry->value);
    if (!number) return DictStatus::type;
    if (__builtin_add_overflow(*number, amount, &*number)) return DictStatus::limit;
    shard.replace(*entry, result = *number);
    return DictStatus::ok;
  });
}

DictStatus Dict::compare_and_set(std::string_view key, std::string_view expected, std::string_view value,
                                 std::uint64_t ttl_ms, std::uint64_t now_ms) {
  if (value.size() > kMaxValue) return DictStatus::invalid;
  if (!fits(key, value)) return DictStatus::limit;
  return with_key(key, now_ms, [&](Shard& shard, Entry* entry, std::uint64_t) {
    if (entry == nullptr) return DictStatus::conflict;
    const auto* text = std::get_if<std::string>(&entry->value);
    const auto* number = std::get_if<std::int64_t>(&entry->value);
    if (text == nullptr && number == nullptr) return DictStatus::type;
    if (text != nullptr ? *text != expected : DecimalText(*number).view() != expected) return DictStatus::conflict;
    shard.replace(*entry, std::string(value));
    entry->expires_ms = expiry(ttl_ms, now_ms);
    return DictStatus::ok;
  });
}

DictStatus Dict::limit(std::string_view key, const Limit& rule, std::uint64_t now_ms, LimitResult& result) {
  if (!rule.well_formed()) return DictStatus::invalid;
  return with_key(key, now_ms, [&](Shard& shard, Entry* entry, std::uint64_t hash) {
    LimitState fresh;
    LimitState* state = entry == nullptr ? &fresh : std::get_if<LimitState>(&entry->value);
    if (state == nullptr) return DictStatus::type;
    if (entry == nullptr && !fits(key, {})) return DictStatus::limit;
    result = apply(*state, rule, now_ms);
    std::uint64_t expires_ms = expiry(std::max<std::uint64_t>(result.reset_ms, 1), now_ms);
    if (entry != nullptr)
      entry->expires_ms = expires_ms;
    else if (rule.cost > 0)
      shard.insert(key, hash, fresh, expires_ms);
    return DictStatus::ok;
  });
}

void Dict::grow_to(std::uint64_t max_bytes) noexcept {
  std::uint64_t seen = max_bytes_.load(std::memory_order_relaxed);
  while (seen < max_bytes && !max_bytes_.compare_exchange_weak(seen, max_bytes, std::memory_order_relaxed)) {
  }
}

std::size_t Dict::size() const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    std::lock_guard lock(shards_[i].mutex);
    total += shards_[i].size();
  }
  return total;
}

std::uint64_t Dicts::open(std::string_view name, std::uint64_t max_bytes) {
  if (name.empty() || name.size() > kMaxDictName || max_bytes == 0) return 0;
  max_bytes = std::max(max_bytes, kMinBytes);
  std::lock_guard lock(mutex_);
  auto known = std::find(names_.begin(), names_.end(), name);
  auto index = static_cast<std::size_t>(known - names_.begin());
  if (known != names_.end()) {
    Dict& dict = *by_id_[index].load(std::memory_order_relaxed);
    if (max_bytes > dict.max_bytes() && !reserve(max_bytes - dict.max_bytes())) return 0;
    dict.grow_to(max_bytes);
    return index + 1;
  }
  if (index >= kMaxDicts || !reserve(max_bytes)) return 0;
  by_id_[index].store(std::make_unique<Dict>(max_bytes).release(), std::memory_order_release);
  names_.emplace_back(name);
  return index + 1;
}

bool Dicts::reserve(std::uint64_t bytes) {
  if (bytes > max_total_ - total_) return false;
  total_ += bytes;
  return true;
}

Dicts::~Dicts() {
  for (auto& dict : by_id_) delete dict.load(std::memory_order_relaxed);
}

Dicts& dicts() {
  static Dicts& all = *new Dicts(machine_memory() / 2);  // never destroyed: threads may still use them at exit
  return all;
}

}  // namespace postern
