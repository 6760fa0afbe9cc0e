// postern.timer(delay, function): work in the background, with no exchange.
#include "api/api.h"
#include "api/values.h"
#include "fence.h"
#include "scheduler.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr std::size_t kMaxTimers = 1'000;
constexpr const char* kTimerType = "postern.timer";

void on_fire(void* user) {
  const ScriptTimer& timer = *static_cast<ScriptTimer*>(user);
  State& state = *timer.state;
  const std::uint64_t id = timer.id;
  fenced(state.instance(), [&] { run_timer(state, id); });
}

// timer:cancel(): true when it had not fired yet
int cancel(lua_State* L) {
  const auto id = *static_cast<std::uint64_t*>(luaL_checkudata(L, 1, kTimerType));
  State& state = State::of(L);
  auto found = state.timers.find(id);
  const bool waiting = found != state.timers.end();
  if (waiting) {
    host().timer->cancel(found->second.handle);
    luaL_unref(L, LUA_REGISTRYINDEX, found->second.function);
    state.timers.erase(found);
  }
  lua_pushboolean(L, waiting);
  return 1;
}

constexpr luaL_Reg kMethods[] = {{"cancel", cancel}, {nullptr, nullptr}};

void push_timer(lua_State* L, std::uint64_t id) {
  *static_cast<std::uint64_t*>(lua_newuserdatauv(L, sizeof id, 0)) = id;
  set_methods(L, kTimerType, kMethods);
}

}  // namespace

int start_timer(lua_State* L) {
  const std::uint64_t delay_ms = check_milliseconds(L, 1, "the delay");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  postern_instance instance = check_instance(L, "postern.timer");
  State& state = State::of(L);
  if (state.timers.size() >= kMaxTimers || state.exhausted()) return return_error(L, POSTERN_E_LIMIT);
  const std::uint64_t id = state.next_timer++;
  push_timer(L, id);
  lua_pushvalue(L, 2);
  const int function = luaL_ref(L, LUA_REGISTRYINDEX);
  ScriptTimer& timer = state.timers[id];
  timer = {&state, id, function, 0};
  timer.handle = host().timer->start(instance, delay_ms, 0, on_fire, &timer);
  if (timer.handle != 0) return 1;
  luaL_unref(L, LUA_REGISTRYINDEX, function);
  state.timers.erase(id);
  return return_error(L, POSTERN_E_LIMIT);
}

}  // namespace postern::lua
