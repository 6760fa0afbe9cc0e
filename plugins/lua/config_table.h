// The configuration of an instance as a Lua table.
#pragma once

#include <postern/abi.h>

#include <lua.hpp>

namespace postern::lua {

// Pushes the node's value; null becomes nil. Needs a protected caller.
void push_config_node(lua_State* L, postern_node node);

}  // namespace postern::lua
