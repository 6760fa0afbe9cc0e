// postern.log.info(message, fields) and its levels; print writes to the same log.
#include "api/api.h"
#include "api/values.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr std::size_t kMaxFields = 32;

postern_value field_value(lua_State* L, int index) {
  postern_value value{};
  switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
      value.type = POSTERN_VALUE_BOOL;
      value.integer = lua_toboolean(L, index);
      break;
    case LUA_TNUMBER:
      value.type = lua_isinteger(L, index) ? POSTERN_VALUE_INT : POSTERN_VALUE_DOUBLE;
      value.integer = lua_tointeger(L, index);
      value.number = lua_tonumber(L, index);
      break;
    case LUA_TSTRING:
      value.type = POSTERN_VALUE_STRING;
      value.string = check_str(L, index);
      break;
    default:
      luaL_error(L, "log: a field that is a %s", luaL_typename(L, index));
  }
  return value;
}

std::size_t read_fields(lua_State* L, int table, postern_log_field* fields) {
  if (lua_isnoneornil(L, table)) return 0;
  luaL_checktype(L, table, LUA_TTABLE);
  std::size_t count = 0;
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "log: field names are strings");
    if (count == kMaxFields) luaL_error(L, "log: more than %d fields", static_cast<int>(kMaxFields));
    fields[count].key = check_str(L, -2);
    fields[count++].value = field_value(L, -1);
  }
  return count;
}

template <std::uint32_t level>
int write(lua_State* L) {
  postern_instance instance = State::of(L).instance();
  if (instance == nullptr || host().log->enabled(instance, level) == 0) return 0;
  postern_log_field fields[kMaxFields];
  const std::size_t count = read_fields(L, 2, fields);
  host().log->write(instance, level, check_str(L, 1), fields, count);
  return 0;
}

}  // namespace

int print_to_log(lua_State* L) {
  postern_instance instance = State::of(L).instance();
  if (instance == nullptr) return 0;
  luaL_Buffer line;
  const int count = lua_gettop(L);
  luaL_buffinit(L, &line);
  for (int i = 1; i <= count; ++i) {
    if (i > 1) luaL_addchar(&line, ' ');
    luaL_tolstring(L, i, nullptr);
    luaL_addvalue(&line);
  }
  luaL_pushresult(&line);
  host().log->write(instance, POSTERN_LOG_INFO, check_str(L, -1), nullptr, 0);
  return 0;
}

void push_log_table(lua_State* L) {
  lua_newtable(L);
  set_function(L, "trace", write<POSTERN_LOG_TRACE>);
  set_function(L, "debug", write<POSTERN_LOG_DEBUG>);
  set_function(L, "info", write<POSTERN_LOG_INFO>);
  set_function(L, "warn", write<POSTERN_LOG_WARN>);
  set_function(L, "error", write<POSTERN_LOG_ERROR>);
}

}  // namespace postern::lua
