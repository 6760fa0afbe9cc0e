// `exchange.upstream`: endpoints of the exchange's upstream, for on_upstream_select.
#include "api/api.h"
#include "api/values.h"

namespace postern::lua {
namespace {

void set_text(lua_State* L, const char* field, postern_str text) {
  push_text(L, text);
  lua_setfield(L, -2, field);
}

void set_integer(lua_State* L, const char* field, std::uint64_t value) {
  lua_pushinteger(L, static_cast<lua_Integer>(value));
  lua_setfield(L, -2, field);
}

void push_endpoint(lua_State* L, const postern_endpoint& endpoint) {
  lua_createtable(L, 0, 5);
  set_integer(L, "index", endpoint.index);
  set_text(L, "address", endpoint.address_view);
  set_integer(L, "weight", endpoint.weight);
  set_integer(L, "active", endpoint.active);
  lua_pushboolean(L, endpoint.available != 0);
  lua_setfield(L, -2, "available");
}

// exchange.upstream:endpoints(): a list of {index, address, weight, active, available}
int endpoints(lua_State* L) {
  const postern_exchange x = check_exchange(L);
  lua_newtable(L);
  const std::uint64_t count = host().upstream->endpoint_count(x);
  for (std::uint64_t i = 0; i < count; ++i) {
    postern_endpoint endpoint{};
    endpoint.struct_size = sizeof endpoint;
    if (host().upstream->endpoint_at(x, i, &endpoint) != POSTERN_OK) break;
    push_endpoint(L, endpoint);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  return 1;
}

// exchange.upstream:choose(index): go to this endpoint
int choose(lua_State* L) {
  const lua_Integer index = luaL_checkinteger(L, 2);
  if (index < 0) return return_error(L, POSTERN_E_NOT_FOUND);
  return return_status(L, host().upstream->choose(check_exchange(L), static_cast<std::uint64_t>(index)));
}

// exchange.upstream:use(name): another upstream
int use(lua_State* L) { return return_status(L, host().upstream->choose_upstream(check_exchange(L), check_str(L, 2))); }

}  // namespace

void push_upstream_object(lua_State* L) {
  push_variable_group(L, "upstream.");  // exchange.upstream.name
  lua_getmetatable(L, -1);
  lua_newtable(L);
  set_function(L, "endpoints", endpoints);
  set_function(L, "choose", choose);
  set_function(L, "use", use);
  lua_createtable(L, 0, 1);
  lua_getfield(L, -3, "__index");
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

}  // namespace postern::lua
