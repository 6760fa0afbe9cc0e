// The gateway as the bridge knows it: the public host tables, resolved once, and views between their strings and ours.
#pragma once

#include <postern/abi.h>

#include <string_view>

namespace postern::lua {

struct Host {
  const postern_config_table* config = nullptr;
  const postern_instance_table* instance = nullptr;
  const postern_exchange_table* exchange = nullptr;
  const postern_body_table* body = nullptr;
  const postern_log_table* log = nullptr;
  const postern_metrics_table* metrics = nullptr;
  const postern_timer_table* timer = nullptr;
  const postern_dict_table* dict = nullptr;
  const postern_call_table* call = nullptr;
  const postern_upstream_table* upstream = nullptr;
  const postern_loop_table* loop = nullptr;
  const postern_connection_table* connection = nullptr;
  const postern_expression_table* expression = nullptr;
};

// False when a table is missing or older than the bridge needs.
bool resolve_host(const postern_host* host);

// Valid after resolve_host() has returned true.
const Host& host();

inline std::string_view view(postern_str text) { return {text.ptr != nullptr ? text.ptr : "", text.len}; }
inline postern_str to_str(std::string_view text) { return {text.data(), text.size()}; }

// One short word for a negative status, as scripts see it in `nil, err`: "timeout", "not found".
const char* status_word(postern_status status);

}  // namespace postern::lua
