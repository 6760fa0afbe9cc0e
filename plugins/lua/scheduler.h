// Runs script functions as tasks: from a hook's call to its verdict, through as many suspensions as the script wants.
#pragma once

#include <postern/abi.h>

#include "task.h"

namespace postern::lua {

class State;
class Worker;

// What a hook gets besides the exchange; most get nothing.
struct HookInput {
  postern_str bytes{};
  std::uint32_t body_flags = 0;
  const postern_upstream_result* result = nullptr;
  const postern_completion* completion = nullptr;
};

postern_verdict run_hook(Worker& worker, Phase phase, void* slot, postern_exchange exchange, const HookInput& input);
postern_verdict run_connection_hook(Worker& worker, postern_connection connection);

// Runs on_worker_start of the script. POSTERN_PENDING: `instance->ready` will tell.
postern_status start_script(State& state);

// Runs the function of a script's timer; the timer is over.
void run_timer(State& state, std::uint64_t id);

// Goes on with a suspended task; `arguments` values lie on its coroutine's stack. The task may be gone afterwards.
void wake(Task* task, int arguments);

// Nothing will wake the task any more.
void cancel_pending(Task& task);

// Has the running task's exchange end with the slot: suspended tasks, state table. False when the gateway refuses.
bool watch_end(Task& task);

}  // namespace postern::lua
