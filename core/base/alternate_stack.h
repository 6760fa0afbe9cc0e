// A second stack for signal handlers: without one, a thread whose stack has run over cannot even say so.
#pragma once

#include <cstddef>

namespace postern {

// For the thread that makes it, as long as it lives. Where the thread has one already (a sanitizer's), that one stays.
class AlternateStack {
 public:
  AlternateStack() noexcept;
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;
  ~AlternateStack();

 private:
  static constexpr std::size_t kSize = 128 * 1024;
  void* memory_ = nullptr;
};

}  // namespace postern
