// The globals of a script: what is safe of Lua's own library, `require`, and the table `postern`. Any other global is an
// error where it is read or written.
#pragma once

#include <lua.hpp>

namespace postern::lua {

// Makes the state's globals. Needs a protected caller.
void open_sandbox(lua_State* L);

// Pushes the globals that stand for a library of Lua whose functions could run for long or need bounds.
void push_string_library(lua_State* L);
void push_table_library(lua_State* L);
void push_math_library(lua_State* L);
void push_utf8_library(lua_State* L);

// pcall and xpcall that let the limits of the bridge through.
int protected_call(lua_State* L);
int protected_call_with_handler(lua_State* L);

// require(name): modules in the script's folder, while the script loads.
int require_module(lua_State* L);

}  // namespace postern::lua
