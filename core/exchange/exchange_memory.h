// Memory of one size that comes and goes with every request: kept for the next one.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace postern::proxy {

// Of one thread.
class ExchangeMemory {
 public:
  ExchangeMemory() = default;
  ExchangeMemory(const ExchangeMemory&) = delete;
  ExchangeMemory& operator=(const ExchangeMemory&) = delete;
  ~ExchangeMemory() {
    while (count_ > 0) ::operator delete(free_[--count_]);
  }
  void* take(std::size_t size) { return count_ > 0 ? free_[--count_] : ::operator new(size); }
  void give(void* memory) noexcept {
    if (count_ < kKeep)
      free_[count_++] = memory;
    else
      ::operator delete(memory);
  }

 private:
  static constexpr std::size_t kKeep = 256;
  std::array<void*, kKeep> free_{};  // the first count_ ones
  std::size_t count_ = 0;
};

}  // namespace postern::proxy
