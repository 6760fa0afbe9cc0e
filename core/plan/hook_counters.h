// What each instance costs, by hook and route: always on, so "which plugin is slow" never needs a profiler.
// Written by one worker with plain stores, read by any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "plan/chain.h"

namespace postern::proxy {

class WorkerCounter {
 public:
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct HookCounters {
  // One call in kSampling is timed.
  static constexpr std::uint32_t kSampling = 64;
  struct PerHook {
    WorkerCounter calls, sampled_calls, sampled_ns, suspended_ns, errors, deadlines, responses;
  };
  std::array<PerHook, kHooks> hooks;
  WorkerCounter buffered_bytes;
  WorkerCounter shadowed;  // verdicts that shadow mode did not carry out
};

}  // namespace postern::proxy
