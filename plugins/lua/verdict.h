// How a script's return value becomes a verdict.
#pragma once

#include <lua.hpp>

#include "state.h"
#include "task.h"

namespace postern::lua {

// Pushes what respond() and abort() return; a script passes it on.
int push_verdict(lua_State* L, postern_verdict verdict);

// The verdict of a task that ran to its end. Returning nothing is CONTINUE, unless respond() or abort() was called: a
// forgotten `return` must not let a refused request pass.
Result<postern_verdict> verdict_of(const Task& task);

}  // namespace postern::lua
