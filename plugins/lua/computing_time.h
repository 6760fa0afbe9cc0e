// How long a run really computes. Lua counts instructions, but one instruction may compare strings of megabytes, and a C
// function may do anything: what takes longer than instructions should counts as more of them.
#pragma once

#include <cstdint>

namespace postern::lua {

// Tests bring their own.
struct ComputingClock {
  std::uint64_t (*ticks)();   // changes every few milliseconds; costs next to nothing
  std::uint64_t (*cpu_ns)();  // processor time of this thread; dear, so read only when `ticks` has changed
};
extern ComputingClock computing_clock;

// An instruction takes a tenth of that on slow machines.
inline constexpr std::uint64_t kNsPerInstruction = 100;

class ComputingTime {
 public:
  // A run begins or goes on; its time counts from the next take().
  void restart() { started_ = false; }
  // These have been charged for.
  void note(std::uint64_t instructions) { noted_ += instructions; }
  // The instructions that the time since the last take() stands for, beyond those noted.
  std::uint64_t take();
  bool started() const { return started_; }

 private:
  bool started_ = false;
  std::uint64_t ticks_ = 0;
  std::uint64_t since_ns_ = 0;
  std::uint64_t noted_ = 0;
};

}  // namespace postern::lua
