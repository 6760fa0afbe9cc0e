#include "api/values.h"

#include <charconv>
#include <cmath>

#include "state.h"

namespace postern::lua {
namespace {

constexpr double kMaxSeconds = 366.0 * 86'400;

double seconds_of_unit(std::string_view unit) {
  if (unit == "ms") return 0.001;
  if (unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3'600;
  if (unit == "d") return 86'400;
  return 0;
}

// Negative when the text is no duration.
double parse_seconds(std::string_view text) {
  double number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return -1;
  const double unit = seconds_of_unit(text.substr(static_cast<std::size_t>(end - text.data())));
  return unit == 0 ? -1 : number * unit;
}

int refuse_set(lua_State* L) { return luaL_error(L, "field '%s' cannot be set", luaL_tolstring(L, 2, nullptr)); }

// Pushes the function with the kind's key table, which lies at `keys`.
void push_with_keys(lua_State* L, lua_CFunction function, int keys) {
  lua_pushvalue(L, keys);
  lua_pushcclosure(L, function, 1);
}

void push_keys(lua_State* L, const char* const* names) {
  lua_newtable(L);
  if (names == nullptr) return;
  for (lua_Integer i = 0; names[i] != nullptr; ++i) {
    lua_pushinteger(L, i + 1);
    lua_setfield(L, -2, names[i]);
  }
}

}  // namespace

std::string_view check_text(lua_State* L, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  return {text, size};
}

int return_error(lua_State* L, const char* word) {
  lua_pushnil(L);
  lua_pushstring(L, word);
  return 2;
}

int return_status(lua_State* L, postern_status status) {
  if (status < 0) return return_error(L, status);
  lua_pushboolean(L, 1);
  return 1;
}

postern_exchange check_exchange(lua_State* L) {
  const Task& task = Task::of(L);
  if (task.slot == nullptr) luaL_error(L, "there is no exchange in %s", phase_name(task.phase));
  return task.exchange;
}

Task& check_suspendable(lua_State* L, const char* function) {
  Task& task = Task::of(L);
  if (!task.may_suspend) luaL_error(L, "%s cannot be used in %s, which may not wait", function, phase_name(task.phase));
  if (!lua_isyieldable(L)) luaL_error(L, "%s cannot wait inside a function that was called from C", function);
  return task;
}

postern_instance check_instance(lua_State* L, const char* function) {
  postern_instance instance = State::of(L).instance();
  const Phase phase = Task::of(L).phase;
  if (instance == nullptr || phase == Phase::load || phase == Phase::configure)
    luaL_error(L, "%s cannot be used in %s", function, phase_name(phase));
  return instance;
}

std::uint64_t check_milliseconds(lua_State* L, int index, const char* what) {
  double seconds = -1;
  if (lua_type(L, index) == LUA_TNUMBER) seconds = lua_tonumber(L, index);
  if (lua_type(L, index) == LUA_TSTRING) seconds = parse_seconds(check_text(L, index));
  if (!(seconds >= 0 && seconds <= kMaxSeconds))
    luaL_error(L, "%s must be a time: seconds, or a text like \"250ms\" or \"10s\"", what);
  return static_cast<std::uint64_t>(std::llround(seconds * 1'000));
}

lua_Integer integer_field(lua_State* L, int table, const char* name, lua_Integer fallback) {
  if (lua_getfield(L, table, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return fallback;
  }
  int whole = 0;
  const lua_Integer value = lua_tointegerx(L, -1, &whole);
  if (!whole) luaL_error(L, "field '%s' must be a whole number", name);
  lua_pop(L, 1);
  return value;
}

std::string_view push_text_field(lua_State* L, int table, const char* name) {
  const int type = lua_getfield(L, table, name);
  if (type == LUA_TNIL) return {};
  if (type != LUA_TSTRING && type != LUA_TNUMBER) luaL_error(L, "field '%s' must be a string", name);
  return check_text(L, -1);
}

std::uint64_t milliseconds_field(lua_State* L, int table, const char* name, std::uint64_t fallback) {
  const bool given = lua_getfield(L, table, name) != LUA_TNIL;
  const std::uint64_t value = given ? check_milliseconds(L, -1, name) : fallback;
  lua_pop(L, 1);
  return value;
}

void push_object(lua_State* L, const ObjectKind& kind, bool fixed) {
  push_keys(L, kind.keys);
  const int keys = lua_gettop(L);
  lua_newuserdatauv(L, 0, 0);
  lua_createtable(L, 0, 4);
  push_with_keys(L, kind.index, keys);
  if (fixed) {
    lua_createtable(L, 0, 1);
    lua_insert(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, keys - 1);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
  }
  lua_setfield(L, -2, "__index");
  push_with_keys(L, kind.newindex != nullptr ? kind.newindex : refuse_set, keys);
  lua_setfield(L, -2, "__newindex");
  lua_pushstring(L, kind.name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_replace(L, fixed ? keys - 1 : keys);
  lua_settop(L, fixed ? keys - 1 : keys);
}

lua_Integer key_number(lua_State* L) {
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  const lua_Integer number = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return number;
}

int unknown_field(lua_State* L, const char* object) {
  return luaL_error(L, "%s has no field '%s'", object, luaL_tolstring(L, 2, nullptr));
}

void set_function(lua_State* L, const char* name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

void set_methods(lua_State* L, const char* type, const luaL_Reg* methods) {
  if (luaL_newmetatable(L, type)) {
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
}

}  // namespace postern::lua
