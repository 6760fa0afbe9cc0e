#include "config_table.h"

#include "api/values.h"
#include "host.h"

namespace postern::lua {
namespace {

void push_list(lua_State* L, postern_node node) {
  lua_newtable(L);
  const std::uint64_t size = host().config->size(node);
  for (std::uint64_t i = 0; i < size; ++i) {
    push_config_node(L, host().config->at(node, i));
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
}

void push_map(lua_State* L, postern_node node) {
  lua_newtable(L);
  const std::uint64_t size = host().config->size(node);
  for (std::uint64_t i = 0; i < size; ++i) {
    push_text(L, host().config->key_at(node, i));
    push_config_node(L, host().config->at(node, i));
    lua_rawset(L, -3);
  }
}

}  // namespace

void push_config_node(lua_State* L, postern_node node) {
  luaL_checkstack(L, 4, "configuration");
  switch (host().config->kind(node)) {
    case POSTERN_NODE_BOOL:
      return lua_pushboolean(L, host().config->as_bool(node));
    case POSTERN_NODE_INT:
      return lua_pushinteger(L, host().config->as_int(node));
    case POSTERN_NODE_DOUBLE:
      return lua_pushnumber(L, host().config->as_double(node));
    case POSTERN_NODE_STRING:
      return push_text(L, host().config->as_string_view(node));
    case POSTERN_NODE_LIST:
      return push_list(L, node);
    case POSTERN_NODE_MAP:
      return push_map(L, node);
    default:
      return lua_pushnil(L);
  }
}

}  // namespace postern::lua
