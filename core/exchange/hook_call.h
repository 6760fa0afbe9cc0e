// What every call of a hook has around it: it is counted, now and then timed, and named to the crash handler.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/thread_local.h"
#include "exchange/crash_marker.h"
#include "plan/hook_counters.h"

namespace postern::proxy {

// While it lives, the instance's code runs.
class HookCall {
 public:
  // `route`: zero-terminated id, or null. `counters` outlives this.
  HookCall(const Instance& instance, Hook hook, const char* route, HookCounters& counters) noexcept
      : before_(crash_marker), counters_(counters.hooks[static_cast<std::size_t>(hook)]) {
    crash_marker = {&instance, hook, route};
    counters_.calls.add(1);
    if (++turn_ % HookCounters::kSampling == 0) begun_ns_ = system_clock().now_ns();
  }
  ~HookCall() {
    crash_marker = before_;
    if (begun_ns_ == 0) return;
    counters_.sampled_calls.add(1);
    counters_.sampled_ns.add(system_clock().now_ns() - begun_ns_);
  }
  HookCall(const HookCall&) = delete;
  HookCall& operator=(const HookCall&) = delete;

 private:
  POSTERN_IN_PROGRAM static inline thread_local std::uint32_t turn_ = 0;

  CrashMarker before_;
  HookCounters::PerHook& counters_;
  std::uint64_t begun_ns_ = 0;  // 0: not timed
};

// To the log, as an error of the plugin.
void log_hook_problem(const Instance& instance, Hook hook, std::string_view problem);

}  // namespace postern::proxy
