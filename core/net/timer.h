// One timer of a loop, for what is not a per-request deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "net/loop.h"

namespace postern::net {

class Timer {
 public:
  // `fire` comes in a later turn of the loop, after I/O, however short the delay. It may destroy the timer. repeat_ms 0: once. Does not keep the loop alive when `background`.
  static std::unique_ptr<Timer> start(Loop& loop, std::uint64_t delay_ms, std::uint64_t repeat_ms,
                                      std::function<void()> fire, bool background = false);
  virtual ~Timer() = default;
};

}  // namespace postern::net
