// What a script says of itself beside its hooks: variables it provides and consumes, its place among other plugins, how it
// wants to see bodies. Each may be a function of the configuration.
#pragma once

#include <postern/abi.h>

#include <lua.hpp>

namespace postern::lua {

// Declares everything to the gateway, inside on_configure. The state has the script and its configuration loaded.
// Runs in a task of phase `configure`; raises a Lua error on a malformed field.
int declare_all(lua_State* L);

}  // namespace postern::lua
