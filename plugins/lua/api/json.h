// Lua values as JSON text and back, both bounded in depth and size.
#pragma once

#include <lua.hpp>

#include <string>

namespace postern::lua {

inline constexpr int kMaxJsonDepth = 100;

// The value at `index`. Raises a Lua error for what JSON cannot say (functions, NaN), for too much depth (cycles) and size.
// Object keys come out sorted, so that the same value is always the same text.
std::string encode_json(lua_State* L, int index);

// Gives the table at the top the mark of a list, so that it is [] even when it is empty.
void mark_json_array(lua_State* L);

}  // namespace postern::lua
