#include "verdict.h"

namespace postern::lua {
namespace {

const char verdict_mark = 0;  // its address is a value that no script can make up

}  // namespace

int push_verdict(lua_State* L, postern_verdict verdict) {
  Task::of(L).verdict = verdict;
  lua_pushlightuserdata(L, const_cast<char*>(&verdict_mark));
  return 1;
}

Result<postern_verdict> verdict_of(const Task& task) {
  lua_State* L = task.coroutine;
  if (lua_gettop(L) == 0 || lua_isnil(L, 1) || lua_touserdata(L, 1) == &verdict_mark) return task.verdict;
  const bool connection = task.phase == Phase::connection;
  if (task.slot == nullptr && !connection) return POSTERN_CONTINUE;  // nobody asks a timer
  return tl::unexpected(task.state->sources().chunk + ": " + phase_name(task.phase) + " returned a " +
                        luaL_typename(L, 1) + "; return nothing" +
                        (connection ? " or connection:abort()" : ", exchange:respond(...) or exchange:abort()"));
}

}  // namespace postern::lua
