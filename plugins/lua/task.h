// A task: one run of script code in a pooled coroutine, from a hook's call to its verdict, however often it suspends.
#pragma once

#include <postern/abi.h>

#include <lua.hpp>

#include <cstdint>
#include <string>

#include "computing_time.h"

namespace postern::lua {

class State;
struct Task;

// What runs. The hooks come first: their order is that of State's hook functions.
enum class Phase : std::uint8_t {
  connection,
  request_early,
  request,
  request_body,
  upstream_select,
  upstream_request,
  upstream_result,
  response,
  response_body,
  complete,
  worker_start,
  configure,
  timer,
  load
};
inline constexpr int kHookCount = static_cast<int>(Phase::complete) + 1;
inline constexpr int kFunctionCount = static_cast<int>(Phase::configure) + 1;  // those a script's table may define

const char* phase_name(Phase phase);  // "on_request"; as the script's table names it
bool may_suspend(Phase phase);

// What the instance keeps for one exchange, in the gateway's slot memory (zeroed at the start).
struct ExchangeSlot {
  State* state;              // owner of state_table
  Task* suspended;           // list of tasks that wait
  std::uint64_t spent;       // instructions of all hooks so far
  std::int32_t state_table;  // registry reference of `exchange.state`; 0: none
  std::int32_t end_watched;  // on_end was registered
};

// Registry references of the argument of on_connection and of the third ones of on_upstream_result and on_complete.
struct HookArguments {
  int connection = LUA_NOREF;
  int result = LUA_NOREF;
  int completion = LUA_NOREF;
};

// What a suspended task waits for.
enum class Pending : std::uint8_t { none, timer, call, turn };

struct Task {
  // The task that runs in this coroutine: every coroutine of a state belongs to one.
  static Task& of(lua_State* L) { return **static_cast<Task**>(lua_getextraspace(L)); }

  lua_State* coroutine = nullptr;
  State* state = nullptr;
  int reference = LUA_NOREF;  // keeps the coroutine from being collected
  Task* next = nullptr;       // in the pool, or in its slot's list
  Task* previous = nullptr;   // in its slot's list

  Phase phase = Phase::load;
  bool may_suspend = false;
  bool unhurried = false;                      // not bound to the instructions of one resume: nobody waits for it
  bool suspended = false;                      // a ticket is out, or the caller was told POSTERN_PENDING
  bool killed = false;                         // a limit was exceeded: pcall must not catch anything any more
  postern_verdict verdict = POSTERN_CONTINUE;  // of the respond() or abort() that the script called

  ExchangeSlot* slot = nullptr;  // null outside of exchanges
  postern_exchange exchange = 0;
  postern_connection connection = 0;  // of on_connection
  postern_ticket ticket{};

  std::uint64_t* spent = nullptr;  // the exchange's, or own_spent
  std::uint64_t own_spent = 0;
  std::uint64_t spent_in_resume = 0;
  ComputingTime computing;

  Pending pending = Pending::none;
  std::uint64_t handle = 0;                       // of the timer or call
  std::uint32_t wait_ms = 0;                      // how long the script means to sleep
  const postern_call_response* answer = nullptr;  // while the call's callback runs

  // Inside body hooks. The gateway's memory until the task suspends, then a copy.
  postern_str bytes{};
  std::uint32_t body_flags = 0;
  std::string body_copy;
  const postern_upstream_result* result = nullptr;  // inside on_upstream_result
  const postern_completion* completion = nullptr;   // inside on_complete
};

}  // namespace postern::lua
