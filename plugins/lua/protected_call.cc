// pcall and xpcall for scripts. They differ from Lua's own in one thing: the end of a budget cannot be caught.
#include "sandbox.h"
#include "state.h"

namespace postern::lua {
namespace {

bool uncatchable(lua_State* L, int status) {
  if (status == LUA_ERRMEM) {
    State::of(L).exhaust();
    Task::of(L).killed = true;
  }
  return Task::of(L).killed;
}

int finish(lua_State* L, int status, lua_KContext first_result) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - static_cast<int>(first_result);
  if (uncatchable(L, status)) return lua_error(L);
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

// A handler would run with the count hook off when it is the hook that raises the error.
int guarded_handler(lua_State* L) {
  if (Task::of(L).killed) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

}  // namespace

int protected_call(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);  // the first result
  lua_insert(L, 1);
  return finish(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish), 0);
}

int protected_call_with_handler(lua_State* L) {
  const int arguments = lua_gettop(L) - 2;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 2);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);  // function, handler, true, function, arguments...
  return finish(L, lua_pcallk(L, arguments, LUA_MULTRET, 2, 2, finish), 2);
}

}  // namespace postern::lua
