// 64-bit handles with a generation count: a late handle finds nothing, never freed memory. One table per worker and kind.
// Layout: worker + 1 (8 bits), index (24 bits), generation (32 bits); so 0 is never valid.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace postern::proxy {

inline std::int32_t worker_of_handle(std::uint64_t handle) noexcept {
  return static_cast<std::int32_t>(handle >> 56) - 1;
}

template <class T>
class HandleTable {
 public:
  explicit HandleTable(std::uint32_t worker) noexcept : high_((static_cast<std::uint64_t>(worker) + 1) << 56) {}

  std::uint64_t add(T& object) {
    std::uint32_t index = first_free_;
    if (index == entries_.size()) entries_.push_back({nullptr, 1, index + 1});
    Entry& e = entries_[index];
    first_free_ = e.next_free;
    e.object = &object;
    ++size_;
    return high_ | (static_cast<std::uint64_t>(index) << 32) | e.generation;
  }
  T* find(std::uint64_t handle) const noexcept {         // null: it is no more
    const std::uint64_t index = (handle - high_) >> 32;  // another worker's is beyond all that there can be
    if (index >= entries_.size()) return nullptr;
    const Entry& e = entries_[index];
    return e.generation == static_cast<std::uint32_t>(handle) ? e.object : nullptr;
  }
  void remove(std::uint64_t handle) noexcept {
    if (find(handle) == nullptr) return;
    Entry& e = entries_[index_of(handle)];
    e.object = nullptr;
    ++e.generation;
    e.next_free = std::exchange(first_free_, index_of(handle));
    --size_;
  }
  // The handles one after another, by index: 0 asks for the first and answers that there are no more. `after` need not be
  // valid any more.
  std::uint64_t next(std::uint64_t after) const noexcept {
    if (after != 0 && (after & kWorkerMask) != high_) return 0;
    std::size_t index = after == 0 ? 0 : index_of(after) + std::size_t{1};
    for (; index < entries_.size(); ++index)
      if (entries_[index].object != nullptr)
        return high_ | (static_cast<std::uint64_t>(index) << 32) | entries_[index].generation;
    return 0;
  }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Entry {
    T* object;  // null: the place is free
    std::uint32_t generation;
    std::uint32_t next_free;  // of a free place: the one to take after it; the end of entries_ when there is none
  };
  static constexpr std::uint64_t kWorkerMask = 0xffull << 56;
  static constexpr std::uint32_t kIndexMask = 0xffffff;

  static std::uint32_t index_of(std::uint64_t handle) noexcept {
    return static_cast<std::uint32_t>(handle >> 32) & kIndexMask;
  }

  std::uint64_t high_;
  std::vector<Entry> entries_;
  std::uint32_t first_free_ = 0;  // as Entry::next_free
  std::size_t size_ = 0;
};

}  // namespace postern::proxy
