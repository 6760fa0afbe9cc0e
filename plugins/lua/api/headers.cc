// `exchange.request.headers` and its like: the gateway's real header list, read and written field by field.
#include "api/headers.h"

#include <postern/text/ascii.h>

#include "api/api.h"
#include "api/values.h"

namespace postern::lua {
namespace {

constexpr const char* kNames[] = {"request header", "response header", "request trailer", "response trailer"};

int refuse(lua_State* L, std::uint32_t message, postern_str name, postern_status status) {
  const char* reason = status_word(status);
  if (status == POSTERN_E_STATE) reason = "it belongs to the gateway, or the head has gone out";
  if (status == POSTERN_E_INVALID) reason = "not a valid name or value";
  lua_pushlstring(L, name.ptr, name.len);
  return luaL_error(L, "cannot set %s '%s': %s", kNames[message], lua_tostring(L, -1), reason);
}

template <std::uint32_t message>
int index(lua_State* L) {
  postern_str value{};
  if (lua_type(L, 2) != LUA_TSTRING) return luaL_error(L, "%s names are strings", kNames[message]);
  if (host().exchange->header_get(check_exchange(L), message, check_str(L, 2), &value) != POSTERN_OK) {
    lua_pushnil(L);
    return 1;
  }
  push_text(L, value);
  return 1;
}

postern_status set_list(lua_State* L, postern_exchange x, std::uint32_t message, postern_str name) {
  host().exchange->header_remove(x, message, name);
  postern_status status = POSTERN_OK;
  for (lua_Integer i = 1; status == POSTERN_OK && lua_geti(L, 3, i) != LUA_TNIL; ++i)
    status = host().exchange->header_add(x, message, name, check_str(L, -1));
  return status;
}

// nil removes, a list sets one field per value.
postern_status assign(lua_State* L, postern_exchange x, std::uint32_t message, postern_str name) {
  switch (lua_type(L, 3)) {
    case LUA_TNIL: {
      const postern_status status = host().exchange->header_remove(x, message, name);
      return status == POSTERN_E_NOT_FOUND ? POSTERN_OK : status;
    }
    case LUA_TTABLE:
      return set_list(L, x, message, name);
    default:
      return host().exchange->header_set(x, message, name, check_str(L, 3));
  }
}

template <std::uint32_t message>
int newindex(lua_State* L) {
  const postern_str name = check_str(L, 2);
  const postern_status status = assign(L, check_exchange(L), message, name);
  return status == POSTERN_OK ? 0 : refuse(L, message, name, status);
}

// Upvalue: the next index. A header that is removed while walking may hide its neighbour, as in any list.
template <std::uint32_t message>
int next(lua_State* L) {
  const lua_Integer at = lua_tointeger(L, lua_upvalueindex(1));
  postern_header header{};
  if (host().exchange->header_list(check_exchange(L), message, static_cast<std::uint64_t>(at), 1, &header) == 0)
    return 0;
  lua_pushinteger(L, at + 1);
  lua_replace(L, lua_upvalueindex(1));
  push_text(L, header.name);
  push_text(L, header.value);
  return 2;
}

template <std::uint32_t message>
int pairs(lua_State* L) {
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next<message>, 1);
  return 1;
}

// request:set_header(name, value): true, or nil and why; for values that come from outside.
template <std::uint32_t message>
int set_header(lua_State* L) {
  luaL_checkany(L, 3);
  lua_settop(L, 3);
  return return_status(L, assign(L, check_exchange(L), message, check_str(L, 2)));
}

template <std::uint32_t message>
int add_header(lua_State* L) {
  return return_status(L, host().exchange->header_add(check_exchange(L), message, check_str(L, 2), check_str(L, 3)));
}

// request:header_values(name): a list of all values of that name, in order.
template <std::uint32_t message>
int header_values(lua_State* L) {
  const postern_exchange x = check_exchange(L);
  const std::string_view name = check_text(L, 2);
  lua_newtable(L);
  postern_header header{};
  lua_Integer found = 0;
  for (std::uint64_t i = 0; host().exchange->header_list(x, message, i, 1, &header) == 1; ++i) {
    if (!same_ignoring_case(view(header.name), name)) continue;
    push_text(L, header.value);
    lua_rawseti(L, -2, ++found);
  }
  return 1;
}

template <std::uint32_t message>
void push_object_of(lua_State* L) {
  push_object(L, {kNames[message], index<message>, newindex<message>, nullptr}, false);
  lua_getmetatable(L, -1);
  set_function(L, "__pairs", pairs<message>);
  lua_pop(L, 1);
}

template <std::uint32_t message>
void set_methods_of(lua_State* L) {
  set_function(L, "set_header", set_header<message>);
  set_function(L, "add_header", add_header<message>);
  set_function(L, "header_values", header_values<message>);
}

}  // namespace

void push_headers_object(lua_State* L, std::uint32_t message) {
  switch (message) {
    case POSTERN_REQUEST:
      return push_object_of<POSTERN_REQUEST>(L);
    case POSTERN_RESPONSE:
      return push_object_of<POSTERN_RESPONSE>(L);
    case POSTERN_REQUEST_TRAILERS:
      return push_object_of<POSTERN_REQUEST_TRAILERS>(L);
    default:
      return push_object_of<POSTERN_RESPONSE_TRAILERS>(L);
  }
}

void set_header_methods(lua_State* L, std::uint32_t message) {
  if (message == POSTERN_REQUEST) return set_methods_of<POSTERN_REQUEST>(L);
  set_methods_of<POSTERN_RESPONSE>(L);
}

}  // namespace postern::lua
