// Lua's own library functions, charged for the texts and values that they work through in one instruction.
#pragma once

#include <lua.hpp>

#include <cstdint>

namespace postern::lua {

// Which arguments a function reads whole, by bits: the lowest is the first; the highest stands for all from the 32nd on.
// A text given where a number is wanted is read whole too.
using Read = std::uint32_t;
inline constexpr Read kAll = ~Read{0};
inline constexpr Read kAllButFirst = ~Read{1};

struct Measured {
  const char* name;
  Read read;
};

// Charges for what is long among these arguments, and for their number.
void charge_arguments(lua_State* L, Read read);

// Sets fields of the table at the top to the functions of the library in the table below it, each with its charge.
void set_measured(lua_State* L, const Measured* functions, int count);
template <int N>
void set_measured(lua_State* L, const Measured (&functions)[N]) {
  set_measured(L, functions, N);
}
// The same for one function that needs a charge of its own; `bounded` calls call_library() at its end.
void set_bounded(lua_State* L, const char* name, lua_CFunction bounded);
// Calls the library's function of a set_bounded() one with the arguments that are there.
int call_library(lua_State* L);

}  // namespace postern::lua
