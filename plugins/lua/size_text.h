// Sizes as scripts write them: a number of bytes, or "64k", "10m", "1g".
#pragma once

#include <lua.hpp>

#include <cstdint>

namespace postern::lua {

// False when the value is no size.
bool size_value(lua_State* L, int index, std::uint64_t& bytes);

}  // namespace postern::lua
