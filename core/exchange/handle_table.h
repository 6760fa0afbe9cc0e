// 64-bit handles with a generation count: a late handle finds nothing, never freed memory. One table per worker and kind.
// Layout: worker + 1 (8 bits), index (24 bits), generation (32 bits); so 0 is never valid.
// An object may go to sleep as something smaller, an `Asleep`: whoever asks for it gets what wake(Asleep&) answers.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace postern::proxy {

inline std::int32_t worker_of_handle(std::uint64_t handle) noexcept {
  return static_cast<std::int32_t>(handle >> 56) - 1;
}

struct NeverAsleep;

template <class T, class Asleep = NeverAsleep>
class HandleTable {
 public:
  explicit HandleTable(std::uint32_t worker) noexcept : high_((static_cast<std::uint64_t>(worker) + 1) << 56) {}

  std::uint64_t add(T& object) {
    std::uint32_t index = first_free_;
    if (index == entries_.size()) entries_.push_back({0, 1, index + 1});
    Entry& e = entries_[index];
    first_free_ = e.next_free;
    e.object = reinterpret_cast<std::uintptr_t>(&object);
    ++size_;
    return high_ | (static_cast<std::uint64_t>(index) << 32) | e.generation;
  }
  T* find(std::uint64_t handle) const {
    std::uintptr_t object = look_up(handle);
    if constexpr (!std::is_same_v<Asleep, NeverAsleep>)
      if ((object & kAsleep) != 0) return wake(*reinterpret_cast<Asleep*>(object - kAsleep));
    return reinterpret_cast<T*>(object);
  }
  void put_to_sleep(std::uint64_t handle, Asleep& as) noexcept {  // one that is there
    entries_[index_of(handle)].object = reinterpret_cast<std::uintptr_t>(&as) | kAsleep;
  }
  Asleep* asleep(std::uint64_t handle) const noexcept {  // null: it is awake, or no more
    std::uintptr_t object = look_up(handle);
    return (object & kAsleep) != 0 ? reinterpret_cast<Asleep*>(object - kAsleep) : nullptr;
  }
  void remove(std::uint64_t handle) {
    if (look_up(handle) == 0) return;
    Entry& e = entries_[index_of(handle)];
    e.object = 0;
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
      if (entries_[index].object != 0)
        return high_ | (static_cast<std::uint64_t>(index) << 32) | entries_[index].generation;
    return 0;
  }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Entry {
    std::uintptr_t object;  // its address; with kAsleep that of what it is meanwhile; 0: the place is free
    std::uint32_t generation;
    std::uint32_t next_free;  // of a free place: the one to take after it; the end of entries_ when there is none
  };
  static constexpr std::uintptr_t kAsleep = 1;  // nothing that is told apart by a handle lies at an odd address
  static constexpr std::uint64_t kWorkerMask = 0xffull << 56;
  static constexpr std::uint32_t kIndexMask = 0xffffff;

  static std::uint32_t index_of(std::uint64_t handle) noexcept {
    return static_cast<std::uint32_t>(handle >> 32) & kIndexMask;
  }
  std::uintptr_t look_up(std::uint64_t handle) const noexcept {
    const std::uint64_t index = (handle - high_) >> 32;  // another worker's is beyond all that there can be
    if (index >= entries_.size()) return 0;
    const Entry& e = entries_[index];
    return e.generation == static_cast<std::uint32_t>(handle) ? e.object : 0;
  }

  std::uint64_t high_;
  std::vector<Entry> entries_;
  std::uint32_t first_free_ = 0;  // as Entry::next_free
  std::size_t size_ = 0;
};

}  // namespace postern::proxy
