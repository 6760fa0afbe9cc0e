// The table `postern` and the object `exchange`: one file per group of functions, each of which pushes its piece. All of
// these need a protected caller.
#pragma once

#include <lua.hpp>

#include <cstdint>
#include <string_view>

#include "host.h"
#include "task.h"

namespace postern::lua {

// Tables of functions: postern.json, postern.base64, ...
void push_postern_table(lua_State* L);
void push_json_table(lua_State* L);
void push_base64_table(lua_State* L);
void push_crypto_table(lua_State* L);
void push_log_table(lua_State* L);
void push_metric_table(lua_State* L);
void push_time_table(lua_State* L);

// Functions of the table `postern` itself.
int http_call(lua_State* L);
int sleep_for(lua_State* L);
int start_timer(lua_State* L);
int open_dict(lua_State* L);
int take_limit(lua_State* L);
int print_to_log(lua_State* L);

// The one exchange object of a state: it stands for the exchange of whichever task uses it. So nothing is made for a hook,
// and an object that a script has kept cannot reach another request's data.
void push_exchange_object(lua_State* L);
void push_request_object(lua_State* L);
void push_response_object(lua_State* L);
void push_headers_object(lua_State* L, std::uint32_t message);
void push_variables_object(lua_State* L);
void push_upstream_object(lua_State* L);
// The same for the connection that on_connection is called for.
void push_connection_object(lua_State* L);
// `exchange.route.id` is the variable "route.id".
void push_variable_group(lua_State* L, const char* prefix);

// The third argument of on_upstream_result and on_complete. Returns how many values it pushed; raises nothing.
int push_hook_argument(const Task& task);
HookArguments keep_hook_arguments(lua_State* L);

// `exchange.state`: the script's own table, as long as the exchange lives.
int push_state_table(lua_State* L);
void release_state_table(ExchangeSlot& slot);

}  // namespace postern::lua
