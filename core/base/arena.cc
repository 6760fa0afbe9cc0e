#include "base/arena.h"

#include <new>

#include "base/poison.h"

namespace postern {

BlockPool::~BlockPool() {
  for (auto* block : free_) ::operator delete(block);
}

std::byte* BlockPool::take() {
  if (free_.empty()) return static_cast<std::byte*>(::operator new(kBlockSize));
  auto* block = free_.back();
  free_.pop_back();
  unpoison(block, kBlockSize);
  return block;
}

void BlockPool::give(std::byte* block) noexcept {
  if (free_.size() >= kKeep) {
    ::operator delete(block);
    return;
  }
  try {
    free_.push_back(block);
    poison(block, kBlockSize);
  } catch (...) {
    ::operator delete(block);
  }
}

std::string_view Arena::append(std::string_view text, std::string_view more) {
  if (more.empty()) return text;
  if (!text.empty() && extend(text.data(), text.size(), more.size())) {
    std::memcpy(block_ + used_ - more.size(), more.data(), more.size());
    return {text.data(), text.size() + more.size()};
  }
  auto* to = static_cast<char*>(allocate(text.size() + more.size(), 1));
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  std::memcpy(to + text.size(), more.data(), more.size());
  return {to, text.size() + more.size()};
}

void* Arena::allocate_slow(std::size_t size) {
  constexpr std::size_t kHead = alignof(std::max_align_t);
  static_assert(sizeof(std::byte*) <= kHead);
  if (size > BlockPool::kBlockSize - kHead) return allocate_large(size);
  auto* block = pool_->take();
  std::memcpy(block, &block_, sizeof(block_));
  if (block_ != nullptr) total_ += used_;
  block_ = block;
  used_ = kHead + size;
  return block + kHead;
}

void* Arena::allocate_large(std::size_t size) {
  constexpr std::size_t kHead = alignof(std::max_align_t);
  static_assert(sizeof(Large) <= kHead);
  auto* raw = static_cast<std::byte*>(::operator new(kHead + size));
  large_ = new (raw) Large{large_};
  total_ += kHead + size;
  return raw + kHead;
}

void Arena::reset() noexcept {
  while (block_ != nullptr) {
    auto* done = block_;
    std::memcpy(&block_, done, sizeof(block_));
    pool_->give(done);
  }
  while (large_ != nullptr) {
    auto* done = large_;
    large_ = done->next;
    ::operator delete(done);
  }
  used_ = 0;
  total_ = 0;
}

}  // namespace postern
