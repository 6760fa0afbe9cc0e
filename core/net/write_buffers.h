// The 16 KiB buffers in which streams gather small writes, kept for reuse. One pool per loop; not for other threads.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

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

  WriteBuffers() { free_.reserve(kKeep); }
  WriteBuffers(const WriteBuffers&) = delete;
  WriteBuffers& operator=(const WriteBuffers&) = delete;
  ~WriteBuffers() {
    for (char* buffer : free_) delete[] buffer;
  }

  Buffer take() {
    if (free_.empty()) return {new char[kSize], GiveBack{this}};
    char* buffer = free_.back();
    free_.pop_back();
    return {buffer, GiveBack{this}};
  }

 private:
  void give(char* buffer) noexcept {
    if (free_.size() < kKeep) {
      free_.push_back(buffer);  // within the reserved capacity: cannot throw
    } else {
      delete[] buffer;
    }
  }

  std::vector<char*> free_;
};

}  // namespace postern::net
