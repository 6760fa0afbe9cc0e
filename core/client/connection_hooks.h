// The on_connection hooks of one client connection, one after another: verdicts, suspension, deadline, shadow mode and
// fail_open, as an exchange has them for its hooks.
#pragma once

#include <postern/abi.h>

#include <cstddef>
#include <cstdint>

#include "plan/chain.h"

namespace postern::proxy {

class WorkerContext;
class WorkerPlan;

class ConnectionHooks {
 public:
  enum class Outcome : std::uint8_t { admitted, waiting, refused };

  ConnectionHooks(WorkerContext& worker, std::uint64_t connection) noexcept
      : worker_(worker), connection_(connection) {}
  ConnectionHooks(const ConnectionHooks&) = delete;
  ConnectionHooks& operator=(const ConnectionHooks&) = delete;
  ~ConnectionHooks();

  Outcome start();                               // with the worker's plan, which is pinned until the outcome is known
  std::uint64_t patience_ms() const noexcept;    // while waiting: how long the hook may take
  Outcome deadline();                            // that time is over
  postern_status pause(postern_ticket& ticket);  // inside a hook
  bool in_hook() const noexcept { return in_hook_; }  // its outcome comes when the hook returns
  // The hook of that pause goes on with `verdict`: go_on() follows when no plugin's code is on the stack, unless it is in the hook
  // itself. False: nothing waits for this.
  bool resume(std::uint64_t pause, postern_verdict verdict) noexcept;
  bool resumed(std::uint64_t pause) const noexcept { return resumed_ && pause == pause_; }
  Outcome go_on();

 private:
  Outcome run();
  Outcome judge(const Link& link, postern_verdict verdict);  // waiting: go on with the next hook
  Outcome end(Outcome outcome) noexcept;
  postern_verdict call(const Link& link);
  postern_verdict invoke(const Link& link);

  WorkerContext& worker_;
  std::uint64_t connection_;
  WorkerPlan* plan_ = nullptr;  // pinned
  const Link* link_ = nullptr;  // whose hook runs or is waited for
  std::size_t next_ = 0;
  std::uint64_t pause_ = 0;  // number of the current pause; 0: none
  std::uint64_t pauses_ = 0;
  std::uint64_t since_ns_ = 0;
  bool in_hook_ = false;
  bool resumed_ = false;  // inside the hook
  postern_verdict verdict_ = POSTERN_CONTINUE;
};

}  // namespace postern::proxy
