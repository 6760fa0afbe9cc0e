#include "sandbox.h"

#include "api/api.h"
#include "host.h"
#include "measured.h"
#include "state.h"

namespace postern::lua {
namespace {

// Of the base library. Left out: what reads files, loads code, or reaches around the sandbox (dofile, load, loadfile,
// collectgarbage, warn), and coroutines: each hook runs in one already, and only there can the bridge count.
constexpr const char* kBaseFunctions[] = {"assert", "error",  "getmetatable", "ipairs",   "next", "pairs",
                                          "rawget", "rawlen", "rawset",       "tostring", "type"};
constexpr Measured kMeasuredBase[] = {{"rawequal", kAll}, {"select", 1}, {"tonumber", kAll}};
constexpr const char* kOsFunctions[] = {"clock", "time"};
constexpr Measured kMeasuredOs[] = {{"difftime", kAll}};

// A finalizer would run with the count hook off.
int set_metatable(lua_State* L) {
  const int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
  if (type == LUA_TTABLE) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "__gc is not available to scripts");
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

int refuse_read(lua_State* L) {
  return luaL_error(L, "global '%s' is not defined; is a 'local' missing?", luaL_tolstring(L, 2, nullptr));
}

int refuse_write(lua_State* L) {
  return luaL_error(L, "assignment to global '%s'; declare it with 'local'", luaL_tolstring(L, 2, nullptr));
}

// os.date(format, time): the library works through a format of any length in one instruction.
int date(lua_State* L) {
  constexpr std::size_t kMaxFormat = 256;
  std::size_t size = 0;
  luaL_optlstring(L, 1, "", &size);
  luaL_argcheck(L, size <= kMaxFormat, 1, "more than 256 bytes");
  charge_arguments(L, kAllButFirst);
  return call_library(L);
}

// Copies fields of the table below the top into the table at the top.
template <std::size_t N>
void copy_fields(lua_State* L, const char* const (&names)[N]) {
  for (const char* name : names) {
    lua_getfield(L, -2, name);
    lua_setfield(L, -2, name);
  }
}

// Pushes the library's table and the table for scripts.
void open_library(lua_State* L, const char* name, lua_CFunction open) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
  lua_newtable(L);
}

void set_function(lua_State* L, const char* name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

void add_base(lua_State* L) {
  open_library(L, "_G", luaopen_base);
  copy_fields(L, kBaseFunctions);
  set_measured(L, kMeasuredBase);
  lua_remove(L, -2);
  set_function(L, "setmetatable", set_metatable);
  set_function(L, "pcall", protected_call);
  set_function(L, "xpcall", protected_call_with_handler);
  set_function(L, "require", require_module);
  set_function(L, "print", print_to_log);
  lua_pushliteral(L, LUA_VERSION);
  lua_setfield(L, -2, "_VERSION");
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "_G");
}

void add_libraries(lua_State* L) {
  push_string_library(L);
  lua_setfield(L, -2, "string");
  push_table_library(L);
  lua_setfield(L, -2, "table");
  push_math_library(L);
  lua_setfield(L, -2, "math");
  push_utf8_library(L);
  lua_setfield(L, -2, "utf8");
  open_library(L, "os", luaopen_os);
  copy_fields(L, kOsFunctions);
  set_measured(L, kMeasuredOs);
  set_bounded(L, "date", date);
  lua_remove(L, -2);
  lua_setfield(L, -2, "os");
}

void guard_globals(lua_State* L) {
  lua_createtable(L, 0, 3);
  set_function(L, "__index", refuse_read);
  set_function(L, "__newindex", refuse_write);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

}  // namespace

void open_sandbox(lua_State* L) {
  add_base(L);
  add_libraries(L);
  push_postern_table(L);
  lua_setfield(L, -2, "postern");
  guard_globals(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

}  // namespace postern::lua
