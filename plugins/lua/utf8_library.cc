// `utf8` for scripts: Lua's own functions, charged by the length of the texts they walk through.
#include "budget.h"
#include "measured.h"
#include "sandbox.h"

namespace postern::lua {
namespace {

constexpr Measured kFunctions[] = {{"char", kAll}, {"codepoint", kAllButFirst}, {"codes", kAll}, {"len", kAll}};

// utf8.offset(text, n [, i]) walks over n characters.
int offset(lua_State* L) {
  charge_arguments(L, kAllButFirst);
  std::size_t size = 0;
  luaL_checklstring(L, 1, &size);
  const lua_Integer count = luaL_checkinteger(L, 2);
  const lua_Unsigned steps = count < 0 ? 0 - static_cast<lua_Unsigned>(count) : static_cast<lua_Unsigned>(count);
  charge(L, (steps < size ? steps : size) / 8);
  return call_library(L);
}

}  // namespace

void push_utf8_library(lua_State* L) {
  luaopen_utf8(L);
  lua_newtable(L);
  set_measured(L, kFunctions);
  set_bounded(L, "offset", offset);
  lua_getfield(L, -2, "charpattern");
  lua_setfield(L, -2, "charpattern");
  lua_remove(L, -2);
}

}  // namespace postern::lua
