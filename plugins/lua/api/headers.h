// Header functions that stand beside the fields of `exchange.request` and `exchange.response`.
#pragma once

#include <lua.hpp>

#include <cstdint>

namespace postern::lua {

// Adds set_header, add_header and header_values to the table at the top. POSTERN_REQUEST or POSTERN_RESPONSE.
void set_header_methods(lua_State* L, std::uint32_t message);

}  // namespace postern::lua
