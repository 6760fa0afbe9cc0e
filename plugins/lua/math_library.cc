// `math` for scripts: Lua's own, charged for long texts that it is given as numbers.
#include "measured.h"
#include "sandbox.h"

namespace postern::lua {
namespace {

constexpr Measured kFunctions[] = {
    {"abs", kAll}, {"acos", kAll}, {"asin", kAll},  {"atan", kAll}, {"ceil", kAll}, {"cos", kAll}, {"deg", kAll},
    {"exp", kAll}, {"fmod", kAll}, {"floor", kAll}, {"log", kAll},  {"max", kAll},  {"min", kAll}, {"modf", kAll},
    {"rad", kAll}, {"sin", kAll},  {"sqrt", kAll},  {"tan", kAll},  {"type", 0},    {"ult", kAll}, {"tointeger", kAll}};
constexpr const char* kConstants[] = {"pi", "huge", "maxinteger", "mininteger"};

int with_upvalues(lua_State* L) {
  charge_arguments(L, kAll);
  return call_library(L);
}

}  // namespace

void push_math_library(lua_State* L) {
  luaopen_math(L);
  lua_newtable(L);
  set_measured(L, kFunctions);
  set_bounded(L, "random", with_upvalues);
  set_bounded(L, "randomseed", with_upvalues);
  for (const char* name : kConstants) {
    lua_getfield(L, -2, name);
    lua_setfield(L, -2, name);
  }
  lua_remove(L, -2);
}

}  // namespace postern::lua
