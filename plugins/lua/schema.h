// The `schema` table of a script as JSON Schema text.
#pragma once

#include <lua.hpp>

#include <string>

namespace postern::lua {

// The table at `index` is either a whole schema (its `type` is a string, or it has `properties`) or the short form: a map of
// properties, each of which may say `required = true`. The short form takes no other keys. Raises a Lua error.
std::string schema_to_json(lua_State* L, int index);

}  // namespace postern::lua
