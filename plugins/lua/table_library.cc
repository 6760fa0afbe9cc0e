// `table` for scripts: Lua's own functions, with a bound on those that loop in C over a length or range that a script can
// make up (by `__len` or by an argument).
#include "budget.h"
#include "sandbox.h"

namespace postern::lua {
namespace {

constexpr const char* kSafeFunctions[] = {"concat", "pack", "unpack"};
constexpr lua_Integer kMaxLength = 10'000'000;

lua_Integer length_of(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const lua_Integer length = luaL_len(L, 1);
  if (length < 0 || length > kMaxLength) luaL_error(L, "table too long");
  return length;
}

// t[to] = t[from]
void copy_element(lua_State* L, lua_Integer from, lua_Integer to) {
  lua_geti(L, 1, from);
  lua_seti(L, 1, to);
}

int insert(lua_State* L) {
  const lua_Integer length = length_of(L);
  if (lua_gettop(L) == 2) {
    lua_seti(L, 1, length + 1);
    return 0;
  }
  if (lua_gettop(L) != 3) return luaL_error(L, "wrong number of arguments to 'insert'");
  const lua_Integer position = luaL_checkinteger(L, 2);
  luaL_argcheck(L, position >= 1 && position <= length + 1, 2, "position out of bounds");
  charge(L, static_cast<std::uint64_t>(length + 1 - position) / 4);
  for (lua_Integer i = length; i >= position; --i) copy_element(L, i, i + 1);
  lua_seti(L, 1, position);
  return 0;
}

int remove(lua_State* L) {
  const lua_Integer length = length_of(L);
  lua_Integer position = luaL_optinteger(L, 2, length);
  const bool in_bounds = (position >= 1 && position <= length + 1) || (length == 0 && position == 0);
  luaL_argcheck(L, in_bounds, 2, "position out of bounds");
  lua_geti(L, 1, position);
  charge(L, position < length ? static_cast<std::uint64_t>(length - position) / 4 : 0);
  for (; position < length; ++position) copy_element(L, position + 1, position);
  lua_pushnil(L);
  lua_seti(L, 1, position);
  return 1;
}

// Calls the function in the upvalue with all arguments.
int forward(lua_State* L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

int sort(lua_State* L) {
  charge(L, static_cast<std::uint64_t>(length_of(L)) * 4);
  return forward(L);
}

int move(lua_State* L) {
  const lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
  if (last >= first) {
    if (first < -kMaxLength || last > kMaxLength) return luaL_error(L, "range too long");
    charge(L, static_cast<std::uint64_t>(last - first + 1) / 4);
  }
  return forward(L);
}

// The library's table is at the top, Lua's own below it.
void wrap(lua_State* L, const char* name, lua_CFunction bounded) {
  lua_getfield(L, -2, name);
  lua_pushcclosure(L, bounded, 1);
  lua_setfield(L, -2, name);
}

}  // namespace

void push_table_library(lua_State* L) {
  lua_pushcfunction(L, luaopen_table);
  lua_call(L, 0, 1);
  lua_newtable(L);
  for (const char* name : kSafeFunctions) {
    lua_getfield(L, -2, name);
    lua_setfield(L, -2, name);
  }
  lua_pushcfunction(L, insert);
  lua_setfield(L, -2, "insert");
  lua_pushcfunction(L, remove);
  lua_setfield(L, -2, "remove");
  wrap(L, "sort", sort);
  wrap(L, "move", move);
  lua_remove(L, -2);
}

}  // namespace postern::lua
