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
  void raise(std::uint64_t to) noexcept {  // for a maximum
    if (to > get()) value_.store(to, std::memory_order_relaxed);
  }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Calls of one hook of an instance at one place, or of an instance's callbacks.
struct CallCounters {
  // One call in kSampling is timed, beginning with the first: each place counts for itself, so that none is passed over.
  static constexpr std::uint32_t kSampling = 64;
  WorkerCounter calls, sampled_calls, sampled_ns;
  WorkerCounter longest_ns;  // of the sampled calls, and of all that took some tens of milliseconds
  WorkerCounter suspended_ns, errors, deadlines, responses;
  WorkerCounter body_bytes, replaced_bytes;  // that a body hook was given; that it gave in their place
};

struct HookCounters {
  std::array<CallCounters, kHooks> hooks;
  WorkerCounter buffered_bytes;
  WorkerCounter shadowed;  // verdicts that shadow mode did not carry out
  CallCounters& of(Hook hook) noexcept { return hooks[static_cast<std::size_t>(hook)]; }
};

}  // namespace postern::proxy
