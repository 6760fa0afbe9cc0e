// Memory that lives as long as one exchange: taken in blocks from the worker's pool, given back at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/copy_text.h"

namespace postern {

// Keeps freed blocks of one size for reuse. One per worker; not for other threads.
class BlockPool {
 public:
  // What most exchanges need. A larger one would be half empty for as long as an idle tunnel lasts.
  static constexpr std::size_t kBlockSize = 1280;
  static constexpr std::size_t kKeep = 3072;  // blocks kept when idle: 3.75 MiB at most

  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  std::byte* take();  // kBlockSize bytes, aligned for anything
  void give(std::byte* block) noexcept;

 private:
  std::vector<std::byte*> free_;
};

class Arena {
 public:
  explicit Arena(BlockPool& pool) noexcept : pool_(&pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { reset(); }

  // Never null (throws std::bad_alloc only when the machine is out of memory). Not zeroed.
  void* allocate(std::size_t size, std::size_t align = alignof(std::max_align_t)) {
    std::size_t at = (used_ + align - 1) & ~(align - 1);
    if (block_ != nullptr && at + size <= BlockPool::kBlockSize) {
      used_ = at + size;
      return block_ + at;
    }
    return allocate_slow(size);
  }
  template <class T>
  std::span<T> array(std::size_t count) {
    return {static_cast<T*>(allocate(sizeof(T) * count, alignof(T))), count};
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto* to = static_cast<char*>(allocate(text.size(), 1));
    copy_text(to, text.data(), text.size());
    return {to, text.size()};
  }
  // Copies `more` behind `text`; in place when `text` is the arena's last allocation and there is room.
  std::string_view append(std::string_view text, std::string_view more);
  // Lets the arena's last allocation, `size` bytes at `memory`, go on for `more` bytes. False: it is not the last, or there is no
  // room behind it.
  bool extend(const void* memory, std::size_t size, std::size_t more) noexcept {
    bool is_last = block_ != nullptr && static_cast<const std::byte*>(memory) + size == block_ + used_;
    if (!is_last || used_ + more > BlockPool::kBlockSize) return false;
    used_ += more;
    return true;
  }

  std::size_t total() const noexcept { return total_ + used_; }  // bytes handed out, roughly
  void reset() noexcept;                                         // everything allocated is gone

 private:
  void* allocate_slow(std::size_t size);
  void* allocate_large(std::size_t size);
  struct Large {  // memory with a block of its own; the bytes follow
    Large* next;
  };

  BlockPool* pool_;
  std::byte* block_ = nullptr;  // the current block; its first bytes link to the block before
  std::size_t used_ = 0;
  std::size_t total_ = 0;
  Large* large_ = nullptr;
};

}  // namespace postern
