// The computing time of a test: while this lives, it passes as the test says, and not at all unless it says so. What a script pays for the
// time that it takes would depend on the machine otherwise.
#pragma once

#include <cstdint>

#include "computing_time.h"

namespace postern::lua {

class FakeComputingClock {
 public:
  FakeComputingClock() {
    ticks_ = cpu_ns_ = 0;
    ns_per_look = 0;
    computing_clock = {[] { return ++ticks_; }, [] { return cpu_ns_ += ns_per_look; }};
  }
  ~FakeComputingClock() { computing_clock = real_; }
  FakeComputingClock(const FakeComputingClock&) = delete;
  FakeComputingClock& operator=(const FakeComputingClock&) = delete;

  static inline std::uint64_t ns_per_look;  // passes between two looks at the clock

 private:
  static inline std::uint64_t ticks_, cpu_ns_;
  const ComputingClock real_ = computing_clock;
};

}  // namespace postern::lua
