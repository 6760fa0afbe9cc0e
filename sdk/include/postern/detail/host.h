// The gateway's function tables, resolved once when the library is loaded. One set for each library: hidden visibility
// keeps the sets of two plugins (or of two versions of one plugin) apart.
#pragma once

#include "postern/detail/basics.h"

namespace postern::detail {

struct Host {
  const postern_host* host = nullptr;
  // Required: a plugin is refused by a gateway without them (kRequiredInterfaces).
  const postern_config_table* config = nullptr;
  const postern_instance_table* instance = nullptr;
  const postern_exchange_table* exchange = nullptr;
  const postern_log_table* log = nullptr;
  // Optional: null when the gateway does not have them; the SDK's functions then answer POSTERN_E_STATE.
  const postern_body_table* body = nullptr;
  const postern_metrics_table* metrics = nullptr;
  const postern_timer_table* timer = nullptr;
  const postern_dict_table* dict = nullptr;
  const postern_call_table* call = nullptr;
  const postern_upstream_table* upstream = nullptr;
  const postern_services_table* services = nullptr;
  const postern_work_table* work = nullptr;
  const postern_loop_table* loop = nullptr;
  const postern_template_table* templates = nullptr;
  const postern_control_table* control = nullptr;
  const postern_connection_table* connection = nullptr;
  const postern_expression_table* expressions = nullptr;
};

inline constinit Host host;

inline constexpr char kRequiredInterfaces[] = "config>=1 instance>=1 exchange>=1 log>=1";

// True when `member` of the optional `table` may be called.
#define POSTERN_OFFERS(table, member)                       \
  (::postern::detail::offers(::postern::detail::host.table, \
                             &::std::remove_cvref_t<decltype(*::postern::detail::host.table)>::member))

template <class Table, class Member>
bool offers(const Table* table, Member Table::*member) {
  if (table == nullptr) return false;
  const auto end =
      reinterpret_cast<const char*>(&(table->*member)) + sizeof(Member) - reinterpret_cast<const char*>(table);
  return static_cast<std::uint32_t>(end) <= table->struct_size && table->*member != nullptr;
}

template <class Table>
const Table* find_table(const postern_host* from, std::string_view name) {
  return static_cast<const Table*>(from->get_interface(from, to_str(name), 1));
}

// False when the gateway lacks what every plugin needs.
inline bool connect(const postern_host* from) {
  if (from == nullptr || from->abi_major != POSTERN_ABI_MAJOR || !from->get_interface) return false;
  host.host = from;
  host.config = find_table<postern_config_table>(from, "config");
  host.instance = find_table<postern_instance_table>(from, "instance");
  host.exchange = find_table<postern_exchange_table>(from, "exchange");
  host.log = find_table<postern_log_table>(from, "log");
  host.body = find_table<postern_body_table>(from, "body");
  host.metrics = find_table<postern_metrics_table>(from, "metrics");
  host.timer = find_table<postern_timer_table>(from, "timer");
  host.dict = find_table<postern_dict_table>(from, "dict");
  host.call = find_table<postern_call_table>(from, "call");
  host.upstream = find_table<postern_upstream_table>(from, "upstream");
  host.services = find_table<postern_services_table>(from, "services");
  host.work = find_table<postern_work_table>(from, "work");
  host.loop = find_table<postern_loop_table>(from, "loop");
  host.templates = find_table<postern_template_table>(from, "template");
  host.control = find_table<postern_control_table>(from, "control");
  host.connection = find_table<postern_connection_table>(from, "connection");
  host.expressions = find_table<postern_expression_table>(from, "expression");
  return host.config && host.instance && host.exchange && host.log;
}

}  // namespace postern::detail
