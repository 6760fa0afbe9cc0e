#include "scheduler.h"

#include <utility>

#include "api/api.h"
#include "host.h"
#include "report.h"
#include "state.h"
#include "verdict.h"
#include "worker.h"

namespace postern::lua {
namespace {

bool is_body_hook(Phase phase) { return phase == Phase::request_body || phase == Phase::response_body; }

void link(Task& task) {
  ExchangeSlot& slot = *task.slot;
  task.previous = nullptr;
  task.next = slot.suspended;
  if (task.next != nullptr) task.next->previous = &task;
  slot.suspended = &task;
}

void unlink(Task& task) {
  if (task.slot == nullptr || !task.suspended) return;
  (task.previous != nullptr ? task.previous->next : task.slot->suspended) = task.next;
  if (task.next != nullptr) task.next->previous = task.previous;
  task.next = task.previous = nullptr;
}

void end_task(Task* task, bool ran_to_end) {
  unlink(*task);
  task->state->give_back(task, ran_to_end);
}

// on_complete comes after the exchange's end and may still use `exchange.state`.
bool state_table_is_needed(const ExchangeSlot& slot) {
  return slot.state != nullptr && slot.state->has(Phase::complete);
}

// The exchange is over: its suspended tasks go, and so does the table of `exchange.state`.
void on_exchange_end(void* user) {
  ExchangeSlot& slot = *static_cast<ExchangeSlot*>(user);
  while (slot.suspended != nullptr) {
    Task* task = slot.suspended;
    cancel_pending(*task);
    end_task(task, false);
  }
  if (!state_table_is_needed(slot)) release_state_table(slot);
}

postern_verdict fail(Task* task) {
  report_failure(*task, task->state->describe_error(task->coroutine));
  end_task(task, false);
  return POSTERN_ERROR;
}

postern_verdict fail(Task* task, const char* message) {
  report_failure(*task, ScriptError{message, {}});
  cancel_pending(*task);
  end_task(task, false);
  return POSTERN_ERROR;
}

postern_verdict finish(Task* task) {
  auto verdict = verdict_of(*task);
  if (!verdict) return fail(task, verdict.error().c_str());
  end_task(task, true);
  return *verdict;
}

// The bytes of a body hook are the gateway's and end with the hook: a task that outlives it keeps a copy.
void keep_bytes(Task& task) {
  if (!is_body_hook(task.phase) || task.bytes.ptr == task.body_copy.data()) return;
  task.body_copy.assign(view(task.bytes));
  task.bytes = to_str(task.body_copy);
}

bool pause_host(Task& task) {
  if (task.phase == Phase::connection) return host().connection->pause(task.connection, &task.ticket) == POSTERN_OK;
  if (task.slot == nullptr) return true;
  return watch_end(task) && host().exchange->pause(task.exchange, &task.ticket) == POSTERN_OK;
}

// What a script sleeps does not count against its hook's deadline, unless it is longer than any hook may wait: then the deadline comes.
void announce_sleep(Task& task) {
  const std::uint32_t wait_ms = std::exchange(task.wait_ms, 0);
  if (wait_ms > 0 && task.slot != nullptr) host().exchange->pause_for(task.ticket, wait_ms);
}

postern_verdict suspend(Task* task) {
  if (!task->suspended) {
    if (!pause_host(*task)) return fail(task, "the gateway did not let the hook wait");
    keep_bytes(*task);
    if (task->slot != nullptr) link(*task);
    task->suspended = true;
  }
  announce_sleep(*task);
  if (task->pending == Pending::turn && !task->state->worker()->wake_later(task))
    return fail(task, "the worker is stopping");
  return POSTERN_SUSPEND;
}

postern_verdict go_on(Task* task, int arguments) {
  switch (task->state->resume(task, arguments)) {
    case LUA_OK:
      return finish(task);
    case LUA_YIELD:
      return suspend(task);
    default:
      return fail(task);
  }
}

postern_verdict no_memory(Worker& worker, Phase phase) {
  report(worker.instance(), POSTERN_LOG_ERROR, std::string("not enough memory to run ") + phase_name(phase));
  return POSTERN_ERROR;
}

// Resumes the hook that waits for a task that had suspended. The gateway may run the rest of the exchange inside this.
void tell(Phase phase, postern_instance instance, postern_ticket ticket, postern_verdict verdict) {
  if (phase == Phase::worker_start) {
    const bool good = verdict != POSTERN_ERROR;
    host().instance->ready(instance, static_cast<std::uint32_t>(host().loop->worker()),
                           good ? POSTERN_OK : POSTERN_E_FAILED, to_str(good ? "" : "on_worker_start failed"));
  } else if (phase == Phase::connection) {
    host().connection->resume(ticket, verdict);
  } else if (ticket.exchange != 0) {
    host().exchange->resume(ticket, verdict);  // POSTERN_E_GONE: the exchange did not wait for us
  }
}

}  // namespace

namespace {

postern_verdict run_in_state(Worker& worker, Phase phase, void* slot, postern_exchange exchange,
                             const HookInput& input) {
  State& state = *worker.state();
  Task* task = state.take(phase);
  if (task == nullptr) return no_memory(worker, phase);
  task->slot = static_cast<ExchangeSlot*>(slot);
  task->exchange = exchange;
  task->spent = &task->slot->spent;
  task->bytes = input.bytes;
  task->body_flags = input.body_flags;
  task->result = input.result;
  task->completion = input.completion;
  state.push_function(task->coroutine, phase);
  state.push_exchange(task->coroutine);
  state.push_config(task->coroutine);
  const int extra = push_hook_argument(*task);
  return go_on(task, 2 + extra);
}

}  // namespace

postern_verdict run_hook(Worker& worker, Phase phase, void* slot, postern_exchange exchange, const HookInput& input) {
  const postern_verdict verdict = run_in_state(worker, phase, slot, exchange, input);
  if (phase == Phase::complete) release_state_table(*static_cast<ExchangeSlot*>(slot));
  if (worker.state()->exhausted()) worker.tidy();
  return verdict;
}

postern_verdict run_connection_hook(Worker& worker, postern_connection connection) {
  State& state = *worker.state();
  Task* task = state.take(Phase::connection);
  if (task == nullptr) return no_memory(worker, Phase::connection);
  task->connection = connection;
  state.push_function(task->coroutine, Phase::connection);
  lua_rawgeti(task->coroutine, LUA_REGISTRYINDEX, state.hook_arguments().connection);
  state.push_config(task->coroutine);
  const postern_verdict verdict = go_on(task, 2);
  if (worker.state()->exhausted()) worker.tidy();
  return verdict;
}

postern_status start_script(State& state) {
  Task* task = state.take(Phase::worker_start);
  if (task == nullptr) return POSTERN_E_LIMIT;
  if (!state.push_function(task->coroutine, Phase::worker_start)) {
    state.give_back(task, true);
    return POSTERN_OK;
  }
  state.push_config(task->coroutine);
  switch (go_on(task, 1)) {
    case POSTERN_SUSPEND:
      return POSTERN_PENDING;
    case POSTERN_ERROR:
      return POSTERN_E_FAILED;
    default:
      return POSTERN_OK;
  }
}

void run_timer(State& state, std::uint64_t id) {
  Worker* worker = state.worker();
  auto found = state.timers.find(id);
  if (found == state.timers.end()) return;
  const int function = found->second.function;
  state.timers.erase(found);
  Task* task = state.take(Phase::timer);
  if (task == nullptr) {
    no_memory(*worker, Phase::timer);
    return worker->tidy();
  }
  lua_rawgeti(task->coroutine, LUA_REGISTRYINDEX, function);
  luaL_unref(state.main(), LUA_REGISTRYINDEX, function);
  go_on(task, 0);
  worker->tidy();
}

void wake(Task* task, int arguments) {
  Worker* worker = task->state->worker();
  const Phase phase = task->phase;
  const postern_ticket ticket = task->ticket;
  postern_verdict verdict = go_on(task, arguments);
  worker->tidy();
  if (verdict != POSTERN_SUSPEND) tell(phase, worker->instance(), ticket, verdict);
}

void cancel_pending(Task& task) {
  if (task.pending == Pending::timer) host().timer->cancel(task.handle);
  if (task.pending == Pending::call) host().call->cancel(task.handle);
  if (task.pending == Pending::turn && task.state->worker() != nullptr) task.state->worker()->forget(&task);
  task.pending = Pending::none;
}

bool watch_end(Task& task) {
  if (task.slot->end_watched != 0) return true;
  if (host().exchange->on_end(task.exchange, task.state->worker()->instance(), on_exchange_end, task.slot) !=
      POSTERN_OK)
    return false;
  task.slot->end_watched = 1;
  return true;
}

}  // namespace postern::lua
