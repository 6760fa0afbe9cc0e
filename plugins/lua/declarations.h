// What a script says of itself beside its hooks: variables it provides and consumes, its place among other plugins, how it
// wants to see bodies. Each may be a function of the configuration.
#pragma once

#include <postern/abi.h>

#include <lua.hpp>

#include "expressions.h"

namespace postern::lua {

// Declares everything to the gateway, inside on_configure, and keeps the expressions. The state has the script and its
// configuration loaded. Runs in a task of phase `configure`, with the instance and the Expressions as light userdata; raises a Lua
// error on a malformed field.
int declare_all(lua_State* L);

}  // namespace postern::lua
