#include "hooks.h"

#include "fence.h"
#include "instance.h"
#include "scheduler.h"
#include "script.h"

namespace postern::lua {
namespace {

postern_verdict enter(void* data, Phase phase, void* slot, postern_exchange x, const HookInput& input) {
  Instance& instance = *static_cast<Instance*>(data);
  return fenced(instance.instance(), POSTERN_ERROR, [&]() -> postern_verdict {
    Worker* worker = instance.worker();
    return worker == nullptr ? POSTERN_ERROR : run_hook(*worker, phase, slot, x, input);
  });
}

template <Phase phase>
postern_verdict on_exchange(void* data, void* slot, postern_exchange x) {
  return enter(data, phase, slot, x, {});
}

template <Phase phase>
postern_verdict on_body(void* data, void* slot, postern_exchange x, postern_str bytes_view, std::uint32_t flags) {
  return enter(data, phase, slot, x, {bytes_view, flags, nullptr, nullptr});
}

postern_verdict on_connection(void* data, postern_connection c) {
  Instance& instance = *static_cast<Instance*>(data);
  return fenced(instance.instance(), POSTERN_ERROR, [&]() -> postern_verdict {
    Worker* worker = instance.worker();
    return worker == nullptr ? POSTERN_ERROR : run_connection_hook(*worker, c);
  });
}

void on_upstream_result(void* data, void* slot, postern_exchange x, const postern_upstream_result* result_view) {
  enter(data, Phase::upstream_result, slot, x, {{}, 0, result_view, nullptr});
}

void on_complete(void* data, void* slot, postern_exchange x, const postern_completion* completion_view) {
  enter(data, Phase::complete, slot, x, {{}, 0, nullptr, completion_view});
}

postern_status on_configure(void* context, postern_instance instance, postern_node config, void** data) {
  return fenced(instance, POSTERN_E_FAILED, [&]() -> postern_status {
    auto* made = new Instance(*static_cast<Script*>(context), instance, config);
    *data = made;
    return made->configure();
  });
}

void on_destroy(void* data) { delete static_cast<Instance*>(data); }

postern_status on_worker_start(void* data, std::uint32_t worker) {
  Instance& instance = *static_cast<Instance*>(data);
  return fenced(instance.instance(), POSTERN_E_FAILED, [&] { return instance.start_worker(worker); });
}

postern_status on_worker_stop(void* data, std::uint32_t worker) {
  Instance& instance = *static_cast<Instance*>(data);
  fenced(instance.instance(), [&] { instance.stop_worker(worker); });
  return POSTERN_OK;
}

}  // namespace

void set_lifecycle(postern_plugin& table, Script* script) {
  table.struct_size = sizeof table;
  table.version = 1;
  table.context = script;
  table.slot_size = sizeof(ExchangeSlot);
  table.on_configure = on_configure;
  table.on_destroy = on_destroy;
  table.on_worker_start = on_worker_start;
  table.on_worker_stop = on_worker_stop;
}

void set_hook(postern_plugin& table, Phase phase) {
  switch (phase) {
    case Phase::connection:
      table.on_connection = on_connection;
      break;
    case Phase::request_early:
      table.on_request_early = on_exchange<Phase::request_early>;
      break;
    case Phase::request:
      table.on_request = on_exchange<Phase::request>;
      break;
    case Phase::request_body:
      table.on_request_body = on_body<Phase::request_body>;
      break;
    case Phase::upstream_select:
      table.on_upstream_select = on_exchange<Phase::upstream_select>;
      break;
    case Phase::upstream_request:
      table.on_upstream_request = on_exchange<Phase::upstream_request>;
      break;
    case Phase::upstream_result:
      table.on_upstream_result = on_upstream_result;
      break;
    case Phase::response:
      table.on_response = on_exchange<Phase::response>;
      break;
    case Phase::response_body:
      table.on_response_body = on_body<Phase::response_body>;
      break;
    case Phase::complete:
      table.on_complete = on_complete;
      break;
    default:
      break;
  }
}

}  // namespace postern::lua
