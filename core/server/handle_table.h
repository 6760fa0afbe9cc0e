// 64-bit handles with a generation count: a late handle finds nothing, never freed memory. One table per worker and kind.
// Layout: worker + 1 (8 bits), index (24 bits), generation (32 bits); so 0 is never valid.
#pragma once

#include <cstdint>
#include <vector>

namespace postern::server {

inline std::int32_t worker_of_handle(std::uint64_t handle) noexcept {
  return static_cast<std::int32_t>(handle >> 56) - 1;
}

template <class T>
class HandleTable {
 public:
  explicit HandleTable(std::uint32_t worker) noexcept : high_((static_cast<std::uint64_t>(worker) + 1) << 56) {}

  std::uint64_t add(T& object) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(entries_.size()));
      entries_.push_back({});
    }
    std::uint32_t index = free_.back();
    free_.pop_back();
    entries_[index].object = &object;
    return high_ | (static_cast<std::uint64_t>(index) << 32) | entries_[index].generation;
  }
  T* find(std::uint64_t handle) const noexcept {
    if ((handle & kWorkerMask) != high_) return nullptr;
    auto index = static_cast<std::uint32_t>(handle >> 32) & kIndexMask;
    if (index >= entries_.size()) return nullptr;
    const Entry& e = entries_[index];
    return e.generation == static_cast<std::uint32_t>(handle) ? e.object : nullptr;
  }
  void remove(std::uint64_t handle) {
    if (find(handle) == nullptr) return;
    auto index = static_cast<std::uint32_t>(handle >> 32) & kIndexMask;
    entries_[index].object = nullptr;
    ++entries_[index].generation;
    free_.push_back(index);
  }
  // The handles one after another, by index: 0 asks for the first and answers that there are no more. `after` need not be
  // valid any more.
  std::uint64_t next(std::uint64_t after) const noexcept {
    if (after != 0 && (after & kWorkerMask) != high_) return 0;
    std::size_t index = after == 0 ? 0 : (static_cast<std::uint32_t>(after >> 32) & kIndexMask) + std::size_t{1};
    for (; index < entries_.size(); ++index)
      if (entries_[index].object != nullptr)
        return high_ | (static_cast<std::uint64_t>(index) << 32) | entries_[index].generation;
    return 0;
  }
  std::size_t size() const noexcept { return entries_.size() - free_.size(); }

 private:
  struct Entry {
    T* object = nullptr;
    std::uint32_t generation = 1;
  };
  static constexpr std::uint64_t kWorkerMask = 0xffull << 56;
  static constexpr std::uint32_t kIndexMask = 0xffffff;

  std::uint64_t high_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
};

}  // namespace postern::server
