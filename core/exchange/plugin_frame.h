// Whose code runs on this thread: one frame for each call into a plugin, the innermost on top. A frame says who acts, names the plugin
// to the crash handler (which may neither allocate nor lock), and measures the time that is the plugin's own.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/coarse_ticks.h"
#include "base/thread_local.h"
#include "plan/chain.h"
#include "plan/hook_counters.h"

namespace postern::proxy {

// A plugin's code that runs outside of the hooks of a chain: on_load, on_configure, a timer's callback.
struct PluginCode {
  std::string_view plugin, version;
  std::string_view instance;          // empty in the hooks of the library
  std::string_view what;              // "on_load", "timer"
  const Instance* serving = nullptr;  // the instance's side on the request path; null until it has one
};

class PluginFrame {
 public:
  // A hook of an exchange or a connection. `route`: zero-terminated id, or null. The counters outlive the frame. `ran_ns`, if not null,
  // gets the time of every call and not only of those that are sampled.
  PluginFrame(const Instance& instance, Hook hook, const char* route, postern_exchange exchange, CallCounters& counters,
              std::uint64_t* ran_ns = nullptr) noexcept
      : instance_(&instance), hook_(hook), route_(route), exchange_(exchange), counters_(&counters), ran_ns_(ran_ns) {
    begin();
  }
  // Other code, for which `exchange` is 0 unless it was begun for one. `code` outlives the frame.
  explicit PluginFrame(const PluginCode& code, postern_exchange exchange = 0, CallCounters* counters = nullptr,
                       std::uint64_t* ran_ns = nullptr) noexcept
      : instance_(code.serving), code_(&code), exchange_(exchange), counters_(counters), ran_ns_(ran_ns) {
    begin();
  }
  ~PluginFrame() {
    top_ = outer_;
    if (timed_) end_timing();
    const std::uint32_t ticks = coarse_ticks.load(std::memory_order_relaxed) - tick_;
    if (ticks > ticks_inside_) note_standstill(ticks);
  }
  PluginFrame(const PluginFrame&) = delete;
  PluginFrame& operator=(const PluginFrame&) = delete;

  static PluginFrame* top() noexcept { return top_; }  // null: the gateway's own code runs
  // A hook of a chain is on the stack: the gateway is in the middle of an exchange or a connection.
  static bool hook_on_stack() noexcept;

  const Instance* instance() const noexcept { return instance_; }
  const PluginCode* code() const noexcept { return code_; }  // null: a hook
  Hook hook() const noexcept { return hook_; }
  const char* route() const noexcept { return route_; }
  postern_exchange exchange() const noexcept { return exchange_; }
  // The plugin says that its code has failed, as if it had thrown.
  void fail() noexcept { failed_ = true; }
  bool failed() const noexcept { return failed_; }

 private:
  void begin() noexcept {
    bool sampled = counters_ != nullptr && counters_->calls.get() % CallCounters::kSampling == 0;
    if (counters_ != nullptr) counters_->calls.add(1);
    sampled_ = sampled;
    timed_ = sampled || ran_ns_ != nullptr || (outer_ != nullptr && outer_->timed_);
    if (timed_) begun_ns_ = system_clock().now_ns();
  }
  void end_timing() noexcept;
  void note_standstill(std::uint32_t ticks) noexcept;

  POSTERN_IN_PROGRAM static inline constinit thread_local PluginFrame* top_ = nullptr;

  const Instance* instance_;
  const PluginCode* code_ = nullptr;
  Hook hook_ = Hook::request;
  const char* route_ = nullptr;
  postern_exchange exchange_;
  CallCounters* counters_;
  std::uint64_t* ran_ns_;
  PluginFrame* outer_ = std::exchange(top_, this);
  std::uint32_t tick_ = coarse_ticks.load(std::memory_order_relaxed);
  std::uint32_t ticks_inside_ = 0;  // that passed in frames above this one
  bool sampled_ = false;
  bool timed_ = false;  // sampled, or a frame below it is timed: its time is not theirs
  bool failed_ = false;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t inside_ns_ = 0;  // spent in frames above this one
};

// Inside a catch clause: "threw: no memory".
std::string text_of_thrown();
// To the log, as an error of the plugin.
void log_hook_problem(const Instance& instance, Hook hook, std::string_view problem);

}  // namespace postern::proxy
