// Throws in the hook that its configuration names, past the fence that the SDK would put around it.
#include <stdexcept>
#include <string>

#include "raw_plugin.h"

namespace {

struct Instance {
  std::string hook;
  void reach(std::string_view here) const {
    if (hook == here) throw std::runtime_error("thrown in " + hook);
  }
};

postern_verdict at(void* data, std::string_view here) {
  static_cast<Instance*>(data)->reach(here);
  return POSTERN_CONTINUE;
}

postern_status on_configure(void*, postern_instance, postern_node config, void** data) {
  auto* made =
      new Instance{std::string(raw::view(raw::config->as_string_view(raw::config->get(config, raw::text("hook")))))};
  *data = made;
  made->reach("on_configure");
  return POSTERN_OK;
}

postern_plugin make() {
  auto t = raw::table("throws", R"({"properties": {"hook": {"type": "string"}}, "required": ["hook"]})");
  t.on_configure = on_configure;
  t.on_destroy = [](void* data) { delete static_cast<Instance*>(data); };
  t.on_worker_start = [](void* data, std::uint32_t) -> postern_status {
    static_cast<Instance*>(data)->reach("on_worker_start");
    return POSTERN_OK;
  };
  t.on_worker_stop = [](void* data, std::uint32_t) { static_cast<Instance*>(data)->reach("on_worker_stop"); };
  t.on_request_early = [](void* data, void*, postern_exchange) { return at(data, "on_request_early"); };
  t.on_request = [](void* data, void*, postern_exchange) { return at(data, "on_request"); };
  t.on_upstream_select = [](void* data, void*, postern_exchange) { return at(data, "on_upstream_select"); };
  t.on_upstream_request = [](void* data, void*, postern_exchange) { return at(data, "on_upstream_request"); };
  t.on_upstream_result = [](void* data, void*, postern_exchange, const postern_upstream_result*) {
    at(data, "on_upstream_result");
  };
  t.on_response = [](void* data, void*, postern_exchange) { return at(data, "on_response"); };
  t.on_complete = [](void* data, void*, postern_exchange, const postern_completion*) { at(data, "on_complete"); };
  return t;
}

}  // namespace

RAW_NOTE("throws", POSTERN_HOOK_REQUEST_EARLY | POSTERN_HOOK_REQUEST | POSTERN_HOOK_UPSTREAM_SELECT |
                       POSTERN_HOOK_UPSTREAM_REQUEST | POSTERN_HOOK_UPSTREAM_RESULT | POSTERN_HOOK_RESPONSE |
                       POSTERN_HOOK_COMPLETE);
RAW_ENTRY(make);
