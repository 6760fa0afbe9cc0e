// One Lua state with one script loaded into it: the sandbox, the script's functions, its coroutines and its timers.
// A worker has one per script instance; configuration time uses throw-away ones that have no instance.
#pragma once

#include <postern/abi.h>

#include <lua.hpp>
#include <tl/expected.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "budget.h"
#include "task.h"

namespace postern::lua {

class Worker;

template <class T>
using Result = tl::expected<T, std::string>;  // the error is a sentence for the operator

// The text of a script and of the modules it requires, read once, so that every worker runs the same.
struct Sources {
  std::string folder;  // where `require` looks
  std::string chunk;   // "geo-block/geo-block.lua": the name in messages
  std::string text;
  std::map<std::string, std::string> modules;  // by name; filled while the first state loads
  bool sealed = false;                         // no more files are read
};

struct ScriptError {
  std::string message;    // "geo-block/geo-block.lua:7: attempt to index a nil value"
  std::string traceback;  // "stack traceback:\n\t..."
};

struct ScriptTimer {
  State* state = nullptr;
  std::uint64_t id = 0;
  int function = LUA_NOREF;
  postern_timer handle = 0;
};

class State {
 public:
  static Result<std::unique_ptr<State>> load(Sources& sources, const Limits& limits, Worker* worker);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static State& of(lua_State* L) { return *Task::of(L).state; }

  // Null while the script is only looked at (configuration time): then there is nothing to start or to count.
  Worker* worker() const { return worker_; }
  postern_instance instance() const;
  lua_State* main() const { return main_; }
  const Limits& limits() const { return limits_; }
  Memory& memory() { return memory_; }
  Sources& sources() { return sources_; }

  // Pushes the table that the script returned. Needs a protected caller.
  void push_script(lua_State* L) const { lua_rawgeti(L, LUA_REGISTRYINDEX, script_); }
  void push_config(lua_State* L) const { lua_rawgeti(L, LUA_REGISTRYINDEX, config_); }
  void push_exchange(lua_State* L) const { lua_rawgeti(L, LUA_REGISTRYINDEX, exchange_); }
  bool has(Phase phase) const { return functions_[static_cast<std::size_t>(phase)] != LUA_NOREF; }
  const HookArguments& hook_arguments() const { return hook_arguments_; }
  // False when the script has no such function.
  bool push_function(lua_State* L, Phase phase) const;
  Result<void> set_config(postern_node config);

  // A task with a coroutine to run in; null when no memory is left for one.
  Task* take(Phase phase);
  // Close handlers of a task that did not run to its end run now, without suspending.
  void give_back(Task* task, bool ran_to_end);
  // Runs or goes on: LUA_OK, LUA_YIELD, or an error whose value is on top of the coroutine's stack.
  int resume(Task* task, int arguments);

  // Runs `body` on the main coroutine, protected: an error is returned as its text.
  Result<void> protect(lua_CFunction body, void* argument);
  // The error on top of the coroutine's stack, as the log shows it.
  ScriptError describe_error(lua_State* coroutine);

  // A limit on memory was hit: the state ends its tasks and is replaced.
  void exhaust() { exhausted_ = true; }
  bool exhausted() const { return exhausted_; }
  // Something that must end before the state may be deleted: a task, an exchange's state table.
  void pin() { ++pins_; }
  void unpin() { --pins_; }
  bool pinned() const { return pins_ != 0; }
  // Cancels what would start new tasks.
  void retire();

  std::unordered_map<std::uint64_t, ScriptTimer> timers;
  std::uint64_t next_timer = 1;

 private:
  State(Sources& sources, const Limits& limits, Worker* worker);
  Result<void> prepare();
  Result<void> run_chunk();
  Result<void> keep_functions();
  Task* grow();
  void drop(Task* task);

  Sources& sources_;
  Limits limits_;
  Worker* worker_;
  Memory memory_;
  lua_State* main_ = nullptr;
  Task root_;  // of the main coroutine, which runs no script code
  Task* free_ = nullptr;
  std::vector<std::unique_ptr<Task>> tasks_;
  int script_ = LUA_NOREF, config_ = LUA_NOREF, exchange_ = LUA_NOREF;
  HookArguments hook_arguments_;
  std::array<int, kFunctionCount> functions_;
  std::uint64_t pins_ = 0;
  bool exhausted_ = false;
};

}  // namespace postern::lua
