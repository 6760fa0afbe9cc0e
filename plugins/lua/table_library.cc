// `table` for scripts: Lua's own functions, with a bound on those that loop in C over a length or range that a script can
// make up (by `__len` or by an argument).
#include "budget.h"
#include "measured.h"
#include "sandbox.h"

namespace postern::lua {
namespace {

constexpr Measured kFunctions[] = {{"pack", 0}, {"unpack", kAllButFirst}};
constexpr lua_Integer kMaxLength = 10'000'000;
constexpr std::size_t kLongText = 1024;

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
  charge_arguments(L, 1u << 1);
  const lua_Integer position = luaL_checkinteger(L, 2);
  luaL_argcheck(L, position >= 1 && position <= length + 1, 2, "position out of bounds");
  charge(L, static_cast<std::uint64_t>(length + 1 - position) / 4);
  for (lua_Integer i = length; i >= position; --i) copy_element(L, i, i + 1);
  lua_seti(L, 1, position);
  return 0;
}

int remove(lua_State* L) {
  charge_arguments(L, kAllButFirst);
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

// Charges for a range that an argument or two set.
void charge_range(lua_State* L, lua_Integer first, lua_Integer last) {
  if (last < first) return;
  if (first < -kMaxLength || last > kMaxLength) luaL_error(L, "range too long");
  charge(L, static_cast<std::uint64_t>(last - first + 1) / 4);
}

// a < b, charged by what the two may have in common.
int compare(lua_State* L) {
  const std::size_t a = lua_rawlen(L, 1), b = lua_rawlen(L, 2);
  if (lua_type(L, 1) == LUA_TSTRING && lua_type(L, 2) == LUA_TSTRING) charge(L, (a < b ? a : b) / 16);
  lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
  return 1;
}

bool has_long_texts(lua_State* L, lua_Integer length) {
  bool found = false;
  for (lua_Integer i = 1; i <= length && !found; ++i) {
    found = lua_rawgeti(L, 1, i) == LUA_TSTRING && lua_rawlen(L, -1) > kLongText;
    lua_pop(L, 1);
  }
  return found;
}

int sort(lua_State* L) {
  const lua_Integer length = length_of(L);
  charge(L, static_cast<std::uint64_t>(length) * 4);
  if (lua_isnoneornil(L, 2) && has_long_texts(L, length)) {
    lua_settop(L, 1);
    lua_pushcfunction(L, compare);
  }
  return call_library(L);
}

int move(lua_State* L) {
  charge_arguments(L, kAllButFirst);
  charge_range(L, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3));
  return call_library(L);
}

// table.concat(t [, gap [, first [, last]]])
int concat(lua_State* L) {
  charge_arguments(L, kAllButFirst);
  const lua_Integer first = luaL_optinteger(L, 3, 1);
  charge_range(L, first, lua_isnoneornil(L, 4) ? length_of(L) : luaL_checkinteger(L, 4));
  return call_library(L);
}

}  // namespace

void push_table_library(lua_State* L) {
  luaopen_table(L);
  lua_newtable(L);
  set_measured(L, kFunctions);
  lua_pushcfunction(L, insert);
  lua_setfield(L, -2, "insert");
  lua_pushcfunction(L, remove);
  lua_setfield(L, -2, "remove");
  set_bounded(L, "sort", sort);
  set_bounded(L, "move", move);
  set_bounded(L, "concat", concat);
  lua_remove(L, -2);
}

}  // namespace postern::lua
