// `exchange.variables["consumer.id"]`, and the groups of built-in variables: `exchange.route.id`.
#include "api/api.h"
#include "api/values.h"

namespace postern::lua {
namespace {

// Names are numbered for the whole process and never forgotten: a script must not make them up from requests.
constexpr lua_Integer kMaxNames = 1'000;

int push_value(lua_State* L, const postern_value& value) {
  switch (value.type) {
    case POSTERN_VALUE_STRING:
      push_text(L, value.string);
      break;
    case POSTERN_VALUE_INT:
      lua_pushinteger(L, value.integer);
      break;
    case POSTERN_VALUE_DOUBLE:
      lua_pushnumber(L, value.number);
      break;
    case POSTERN_VALUE_BOOL:
      lua_pushboolean(L, value.integer != 0);
      break;
    default:
      lua_pushnil(L);
  }
  return 1;
}

postern_value check_value(lua_State* L, int index) {
  postern_value value{};
  switch (lua_type(L, index)) {
    case LUA_TNIL:
      return value;
    case LUA_TBOOLEAN:
      value.type = POSTERN_VALUE_BOOL;
      value.integer = lua_toboolean(L, index);
      return value;
    case LUA_TNUMBER:
      value.type = lua_isinteger(L, index) ? POSTERN_VALUE_INT : POSTERN_VALUE_DOUBLE;
      value.integer = lua_tointeger(L, index);
      value.number = lua_tonumber(L, index);
      return value;
    default:
      value.type = POSTERN_VALUE_STRING;
      value.string = check_str(L, index);
      return value;
  }
}

// Upvalue 1: numbers of the names used so far, by key; element 1 counts them. Upvalue 2: the names' prefix.
std::uint32_t variable_number(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING) luaL_error(L, "variable names are strings");
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNUMBER) {
    const auto known = static_cast<std::uint32_t>(lua_tointeger(L, -1));
    lua_pop(L, 1);
    return known;
  }
  lua_pop(L, 1);
  const auto count =
      static_cast<lua_Integer>(lua_rawgeti(L, lua_upvalueindex(1), 1) == LUA_TNUMBER ? lua_tointeger(L, -1) : 0);
  lua_pop(L, 1);
  if (count >= kMaxNames) luaL_error(L, "more than %d variable names in one script", static_cast<int>(kMaxNames));
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 2);
  lua_concat(L, 2);
  const std::uint32_t number = host().exchange->variable_id(check_str(L, -1));
  if (number == 0) luaL_error(L, "'%s' is not a variable's name", lua_tostring(L, -1));
  lua_pop(L, 1);
  lua_pushvalue(L, 2);
  lua_pushinteger(L, number);
  lua_rawset(L, lua_upvalueindex(1));
  lua_pushinteger(L, count + 1);
  lua_rawseti(L, lua_upvalueindex(1), 1);
  return number;
}

int index(lua_State* L) {
  const postern_exchange x = check_exchange(L);
  postern_value value{};
  if (host().exchange->variable_get(x, variable_number(L), &value) != POSTERN_OK) value = {};
  return push_value(L, value);
}

int newindex(lua_State* L) {
  const postern_exchange x = check_exchange(L);
  const std::uint32_t number = variable_number(L);
  const postern_value value = check_value(L, 3);
  const postern_status status = host().exchange->variable_set(x, number, &value);
  if (status == POSTERN_E_STATE) return luaL_error(L, "variable '%s' is read-only", lua_tostring(L, 2));
  if (status < 0) return luaL_error(L, "variable '%s': %s", lua_tostring(L, 2), status_word(status));
  return 0;
}

// The table of names is at the top, the metatable below it.
void set_with_names(lua_State* L, const char* field, lua_CFunction function, const char* prefix) {
  lua_pushvalue(L, -1);
  lua_pushstring(L, prefix);
  lua_pushcclosure(L, function, 2);
  lua_setfield(L, -3, field);
}

void push_group(lua_State* L, const char* name, const char* prefix) {
  lua_newuserdatauv(L, 0, 0);
  lua_createtable(L, 0, 4);
  lua_newtable(L);
  set_with_names(L, "__index", index, prefix);
  set_with_names(L, "__newindex", newindex, prefix);
  lua_pop(L, 1);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

}  // namespace

void push_variables_object(lua_State* L) { push_group(L, "variables", ""); }

void push_variable_group(lua_State* L, const char* prefix) { push_group(L, prefix, prefix); }

}  // namespace postern::lua
