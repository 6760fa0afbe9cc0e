#include "measured.h"

#include <algorithm>

#include "budget.h"

namespace postern::lua {
namespace {

constexpr std::uint64_t kFreeBytes = 256;  // shorter texts cost no more than the call
constexpr int kFreeValues = 64;

void charge_values(lua_State* L, int count) {
  if (count > kFreeValues) charge(L, static_cast<std::uint64_t>(count));
}

int call_measured(lua_State* L) {
  charge_arguments(L, static_cast<Read>(lua_tointeger(L, lua_upvalueindex(2))));
  const int results = lua_tocfunction(L, lua_upvalueindex(1))(L);
  charge_values(L, results);
  return results;
}

}  // namespace

void charge_arguments(lua_State* L, Read read) {
  constexpr int kHighestBit = 31;
  const int count = lua_gettop(L);
  std::uint64_t bytes = 0;
  for (int i = 1; i <= count; ++i)
    if ((read >> std::min(i - 1, kHighestBit) & 1) != 0 && lua_type(L, i) == LUA_TSTRING) bytes += lua_rawlen(L, i);
  if (bytes > kFreeBytes) charge(L, bytes / 8);
  charge_values(L, count);
}

void set_measured(lua_State* L, const Measured* functions, int count) {
  for (int i = 0; i < count; ++i) {
    lua_getfield(L, -2, functions[i].name);
    lua_pushinteger(L, static_cast<lua_Integer>(functions[i].read));
    lua_pushcclosure(L, call_measured, 2);
    lua_setfield(L, -2, functions[i].name);
  }
}

void set_bounded(lua_State* L, const char* name, lua_CFunction bounded) {
  lua_getfield(L, -2, name);
  lua_pushcclosure(L, bounded, 1);
  lua_setfield(L, -2, name);
}

// Not by lua_tocfunction: some of the library's functions have upvalues of their own.
int call_library(lua_State* L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

}  // namespace postern::lua
