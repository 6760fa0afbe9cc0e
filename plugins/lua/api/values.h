// For those who write functions of the API: checked arguments, uniform results, objects with fields.
#pragma once

#include <lua.hpp>

#include <cstdint>
#include <string_view>

#include "host.h"
#include "task.h"

namespace postern::lua {

// The bytes stay valid as long as the value is on the stack. Raises an error when it is neither a string nor a number.
std::string_view check_text(lua_State* L, int index);
inline postern_str check_str(lua_State* L, int index) { return to_str(check_text(L, index)); }

inline void push_text(lua_State* L, std::string_view text) { lua_pushlstring(L, text.data(), text.size()); }
inline void push_text(lua_State* L, postern_str text) { push_text(L, view(text)); }

// Returns `nil, word` to the script.
int return_error(lua_State* L, const char* word);
inline int return_error(lua_State* L, postern_status status) { return return_error(L, status_word(status)); }
// Returns true, or `nil, word`.
int return_status(lua_State* L, postern_status status);

// The exchange of the running task; an error where there is none (timers, load).
postern_exchange check_exchange(lua_State* L);
// An error in hooks that may not suspend, and inside C functions that call back.
Task& check_suspendable(lua_State* L, const char* function);
// The instance; an error while the script loads.
postern_instance check_instance(lua_State* L, const char* function);

// Seconds as a number, or "250ms", "10s", "5m", "1h", "1d". Raises an error naming `what`.
std::uint64_t check_milliseconds(lua_State* L, int index, const char* what);

// An optional field of the table at `table`. Raises an error naming the field when its value is of another type.
lua_Integer integer_field(lua_State* L, int table, const char* name, lua_Integer fallback);
// Pushes the value, which keeps the bytes alive; empty when absent.
std::string_view push_text_field(lua_State* L, int table, const char* name);
std::uint64_t milliseconds_field(lua_State* L, int table, const char* name, std::uint64_t fallback);

// A userdata that stands for something of the host, whose metatable no script can reach. `index` serves fields that are
// computed. Null `newindex`: no field can be set. With `fixed`, a table of unchanging fields lies at the top and is taken.
struct ObjectKind {
  const char* name;
  lua_CFunction index;
  lua_CFunction newindex;
  const char* const* keys;  // computed fields, for key_number(); ends with null
};
void push_object(lua_State* L, const ObjectKind& kind, bool fixed);

// In `index` and `newindex`: the place of the key (second argument) among the kind's keys, from 1; 0: another key.
lua_Integer key_number(lua_State* L);
// Raises "request has no field 'x'".
int unknown_field(lua_State* L, const char* object);

void set_function(lua_State* L, const char* name, lua_CFunction function);
// Makes the userdata at the top an object of this type (luaL_checkudata), whose metatable no script can reach.
void set_methods(lua_State* L, const char* type, const luaL_Reg* methods);

}  // namespace postern::lua
