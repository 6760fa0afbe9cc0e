// The 16 KiB buffers in which streams gather small writes, kept for reuse. One pool per loop; not for other threads.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

namespace postern::net {

class WriteBuffers {
 public:
  static constexpr std::size_t kSize = 16 * 1024;
  static constexpr std::size_t kKeep = 64;  // kept when idle: 1 MiB at most

  struct GiveBack {
    WriteBuffers* pool = nullptr;
    void operator()(char* buffer) const noexcept { pool->give(buffer); }
  };
  using Buffer = std::unique_ptr<char[], GiveBack>;

  WriteBuffers() = default;
  WriteBuffers(const WriteBuffers&) = delete;
  WriteBuffers& operator=(const WriteBuffers&) = delete;
  ~WriteBuffers() {
    while (count_ > 0) delete[] free_[--count_];
  }

  Buffer take() { return {count_ > 0 ? free_[--count_] : new char[kSize], GiveBack{this}}; }

 private:
  void give(char* buffer) noexcept {
    if (count_ < kKeep)
      free_[count_++] = buffer;
    else
      delete[] buffer;
  }

  std::array<char*, kKeep> free_;  // the first count_ ones
  std::size_t count_ = 0;
};

}  // namespace postern::net
