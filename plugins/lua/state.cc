#include "state.h"

#include <algorithm>

#include "api/api.h"
#include "config_table.h"
#include "host.h"
#include "sandbox.h"
#include "scheduler.h"
#include "worker.h"

namespace postern::lua {
namespace {

constexpr std::size_t kReportMemory = 256u << 10;  // for the traceback of a script that has used up its own

void own(lua_State* L, Task* task) { *static_cast<Task**>(lua_getextraspace(L)) = task; }

template <class T>
T& argument(lua_State* L) {
  return *static_cast<T*>(lua_touserdata(L, 1));
}

std::string text_of_error(lua_State* L, int index) {
  std::size_t size = 0;
  if (lua_type(L, index) == LUA_TSTRING) {
    const char* text = lua_tolstring(L, index, &size);
    return {text, size};
  }
  return std::string("error value is a ") + luaL_typename(L, index);
}

}  // namespace

State::State(Sources& sources, const Limits& limits, Worker* worker)
    : sources_(sources), limits_(limits), worker_(worker), memory_(limits.memory) {
  functions_.fill(LUA_NOREF);
}

Result<std::unique_ptr<State>> State::load(Sources& sources, const Limits& limits, Worker* worker) {
  std::unique_ptr<State> state(new State(sources, limits, worker));
  if (auto prepared = state->prepare(); !prepared) return tl::unexpected(prepared.error());
  if (auto ran = state->run_chunk(); !ran) return tl::unexpected(ran.error());
  if (auto kept = state->keep_functions(); !kept) return tl::unexpected(kept.error());
  return state;
}

State::~State() {
  retire();
  for (auto& task : tasks_) cancel_pending(*task);
  if (main_ != nullptr) lua_close(main_);
}

postern_instance State::instance() const { return worker_ == nullptr ? nullptr : worker_->instance(); }

Result<void> State::prepare() {
  main_ = lua_newstate(Memory::allocate, &memory_);
  if (main_ == nullptr) return tl::unexpected<std::string>("not enough memory for a Lua state");
  root_.state = this;
  root_.spent = &root_.own_spent;
  root_.unhurried = true;
  own(main_, &root_);
  return protect(
      [](lua_State* L) {
        State& self = argument<State>(L);
        open_sandbox(L);
        push_exchange_object(L);
        self.exchange_ = luaL_ref(L, LUA_REGISTRYINDEX);
        self.hook_arguments_ = keep_hook_arguments(L);
        lua_newtable(L);
        self.config_ = luaL_ref(L, LUA_REGISTRYINDEX);
        return 0;
      },
      this);
}

Result<void> State::run_chunk() {
  Task* task = take(Phase::load);
  if (task == nullptr) return tl::unexpected<std::string>("not enough memory for the script");
  lua_State* L = task->coroutine;
  std::string name(1, '@');
  name.append(sources_.chunk);
  int status = luaL_loadbufferx(L, sources_.text.data(), sources_.text.size(), name.c_str(), "t");
  if (status == LUA_OK) status = resume(task, 0);
  if (status != LUA_OK) {
    std::string message = describe_error(L).message;
    give_back(task, false);
    return tl::unexpected(message);
  }
  const bool table = lua_type(L, 1) == LUA_TTABLE;
  if (table) {
    lua_settop(L, 1);
    lua_xmove(L, main_, 1);
  }
  give_back(task, true);
  if (!table) return tl::unexpected(sources_.chunk + ": a script must return a table");
  return protect(
      [](lua_State* M) {
        argument<State>(M).script_ = luaL_ref(M, LUA_REGISTRYINDEX);  // the table is the second argument
        return 0;
      },
      this);
}

Result<void> State::keep_functions() {
  return protect(
      [](lua_State* L) {
        State& self = argument<State>(L);
        lua_rawgeti(L, LUA_REGISTRYINDEX, self.script_);
        for (int phase = 0; phase < kFunctionCount; ++phase) {
          if (lua_getfield(L, -1, phase_name(static_cast<Phase>(phase))) == LUA_TFUNCTION)
            self.functions_[phase] = luaL_ref(L, LUA_REGISTRYINDEX);
          else
            lua_pop(L, 1);
        }
        return 0;
      },
      this);
}

bool State::push_function(lua_State* L, Phase phase) const {
  const int reference = functions_[static_cast<int>(phase)];
  if (reference == LUA_NOREF) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  return true;
}

Result<void> State::set_config(postern_node config) {
  struct Call {
    State* self;
    postern_node config;
  } call{this, config};
  return protect(
      [](lua_State* L) {
        Call& in = argument<Call>(L);
        push_config_node(L, in.config);
        if (!lua_istable(L, -1)) lua_newtable(L);
        lua_rawseti(L, LUA_REGISTRYINDEX, in.self->config_);
        return 0;
      },
      &call);
}

Task* State::grow() {
  auto task = std::make_unique<Task>();
  auto made = protect(
      [](lua_State* L) {
        Task& self = argument<Task>(L);
        self.coroutine = lua_newthread(L);
        own(self.coroutine, &self);
        self.reference = luaL_ref(L, LUA_REGISTRYINDEX);
        return 0;
      },
      task.get());
  if (!made) return nullptr;
  task->state = this;
  tasks_.push_back(std::move(task));
  return tasks_.back().get();
}

void State::drop(Task* task) {
  luaL_unref(main_, LUA_REGISTRYINDEX, task->reference);
  auto same = [task](const std::unique_ptr<Task>& other) { return other.get() == task; };
  tasks_.erase(std::find_if(tasks_.begin(), tasks_.end(), same));
}

Task* State::take(Phase phase) {
  Task* task = free_;
  if (task != nullptr)
    free_ = task->next;
  else if ((task = grow()) == nullptr)
    return nullptr;
  task->next = nullptr;
  task->phase = phase;
  task->may_suspend = may_suspend(phase);
  task->unhurried = phase == Phase::load || phase == Phase::configure;
  task->own_spent = 0;
  task->spent = &task->own_spent;
  count_instructions(task->coroutine);  // from zero: a pooled coroutine has run for others
  pin();
  return task;
}

void State::give_back(Task* task, bool ran_to_end) {
  unpin();
  // An error out of the count hook leaves the coroutine with hooks switched off: nothing may run in it again.
  if (task->killed || exhausted_) return drop(task);
  if (!ran_to_end) {
    task->may_suspend = false;
    task->unhurried = false;
    task->spent_in_resume = 0;
    task->computing.restart();
    count_instructions(task->coroutine);
    memory_.watch(task->coroutine);
    if (lua_resetthread(task->coroutine) == LUA_ERRMEM) exhaust();
    memory_.watch(nullptr);
    if (task->killed || exhausted_) return drop(task);
  }
  lua_settop(task->coroutine, 0);
  task->suspended = false;
  task->verdict = POSTERN_CONTINUE;
  task->slot = nullptr;
  task->exchange = 0;
  task->connection = 0;
  task->ticket = {};
  task->bytes = {};
  task->body_flags = 0;
  task->body_copy.clear();
  task->result = nullptr;
  task->completion = nullptr;
  task->next = free_;
  free_ = task;
}

int State::resume(Task* task, int arguments) {
  int results = 0;
  task->spent_in_resume = 0;
  task->computing.restart();
  task->pending = Pending::none;
  if (lua_gethookcount(task->coroutine) != memory_.count_step()) count_instructions(task->coroutine);
  memory_.watch(task->coroutine);
  int status = lua_resume(task->coroutine, main_, arguments, &results);
  *task->spent += memory_.take_work();
  if (task->computing.started()) *task->spent += task->computing.take();
  memory_.watch(nullptr);
  if (status == LUA_ERRMEM) exhaust();
  return status;
}

// What lies on the main coroutine's stack becomes the body's further arguments.
Result<void> State::protect(lua_CFunction body, void* argument) {
  lua_pushcfunction(main_, body);
  lua_insert(main_, 1);
  lua_pushlightuserdata(main_, argument);
  lua_insert(main_, 2);
  int status = lua_pcall(main_, lua_gettop(main_) - 1, 0, 0);
  if (status == LUA_OK) return {};
  if (status == LUA_ERRMEM) exhaust();
  std::string text = text_of_error(main_, -1);
  lua_settop(main_, 0);
  return tl::unexpected(text);
}

ScriptError State::describe_error(lua_State* coroutine) {
  struct Call {
    lua_State* coroutine;
    std::string* traceback;
  };
  ScriptError error{text_of_error(coroutine, -1), {}};
  Call call{coroutine, &error.traceback};
  memory_.allow_beyond_limit(kReportMemory);
  auto traced = protect(
      [](lua_State* L) {
        Call& in = argument<Call>(L);
        luaL_traceback(L, in.coroutine, nullptr, 0);
        *in.traceback = lua_tostring(L, -1);
        return 0;
      },
      &call);
  if (!traced) error.traceback = "no traceback: " + traced.error();
  memory_.allow_beyond_limit(0);
  return error;
}

void State::retire() {
  for (auto& [id, timer] : timers) host().timer->cancel(timer.handle);
  timers.clear();
}

}  // namespace postern::lua
