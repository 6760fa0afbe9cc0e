#include "api/api.h"
#include "api/values.h"

namespace postern::lua {

void push_postern_table(lua_State* L) {
  lua_newtable(L);
  set_function(L, "http", http_call);
  set_function(L, "sleep", sleep_for);
  set_function(L, "timer", start_timer);
  set_function(L, "dict", open_dict);
  set_function(L, "limit", take_limit);
  struct Group {
    const char* name;
    void (*push)(lua_State*);
  };
  for (const Group& group :
       {Group{"json", push_json_table}, Group{"base64", push_base64_table}, Group{"crypto", push_crypto_table},
        Group{"log", push_log_table}, Group{"metric", push_metric_table}, Group{"time", push_time_table}}) {
    group.push(L);
    lua_setfield(L, -2, group.name);
  }
}

}  // namespace postern::lua
