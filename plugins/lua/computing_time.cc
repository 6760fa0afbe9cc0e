#include "computing_time.h"

#include <ctime>

namespace postern::lua {
namespace {

constexpr std::uint64_t kLeastNs = 1'000'000;  // less says little: the page faults of a few instructions

std::uint64_t read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

// Processor time, not time of day: a script does not pay for other threads that the machine lets run.
ComputingClock computing_clock{[] { return read(CLOCK_MONOTONIC_COARSE); },
                               [] { return read(CLOCK_THREAD_CPUTIME_ID); }};

std::uint64_t ComputingTime::take() {
  const std::uint64_t ticks = computing_clock.ticks();
  if (started_ && ticks == ticks_) return 0;
  ticks_ = ticks;
  const std::uint64_t now_ns = computing_clock.cpu_ns();
  const std::uint64_t passed_ns = started_ ? now_ns - since_ns_ : 0;
  if (started_ && passed_ns < kLeastNs) return 0;
  const std::uint64_t due = passed_ns / kNsPerInstruction;
  const std::uint64_t beyond = due > noted_ ? due - noted_ : 0;
  started_ = true;
  since_ns_ = now_ns;
  noted_ = 0;
  return beyond;
}

}  // namespace postern::lua
