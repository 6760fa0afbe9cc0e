// The tables of functions that plugins call, one file each in this folder. Every table is a constant with the struct_size and
// version of this build; host.cc lists them for get_interface.
#pragma once

#include <postern/abi.h>

#include <cstdint>

namespace postern::plugin {

const postern_config_table& config_table();
const postern_instance_table& instance_table();
const postern_exchange_table& exchange_table();
const postern_body_table& body_table();
const postern_log_table& log_table();
const postern_metrics_table& metrics_table();
const postern_timer_table& timer_table();
const postern_dict_table& dict_table();
const postern_call_table& call_table();
const postern_upstream_table& upstream_table();
const postern_services_table& services_table();
const postern_work_table& work_table();
const postern_loop_table& loop_table();
const postern_template_table& template_table();
const postern_expression_table& expression_table();
const postern_control_table& control_table();
const postern_connection_table& connection_table();

// Ends what `instance` still has on this worker, whose thread this is, after on_worker_stop: it can begin nothing any
// more, its calls end now with POSTERN_E_FAILED, its timers are cancelled. Tasks and posts run to their end as promised,
// since somebody has to free what they were given; their pins tell when that is.
void release_worker_handles(postern_instance instance, std::uint32_t worker);

}  // namespace postern::plugin
