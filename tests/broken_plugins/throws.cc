// Throws in the hook that its configuration names, past the fence that the SDK would put around it; where there is no
// configuration, in what the environment variable THROWS_IN names. Hosts scripts that do nothing.
#include <cstdlib>
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

void reach_in_library(std::string_view here) {
  const char* wanted = std::getenv("THROWS_IN");
  if (wanted != nullptr && here == wanted) throw std::runtime_error("thrown in " + std::string(here));
}

const postern_plugin* script_open(void*, postern_str, postern_str*) {
  reach_in_library("script_open");
  static const postern_plugin script = raw::table("thrown");
  return &script;
}

postern_plugin make() {
  reach_in_library("postern_plugin_query");
  auto t = raw::table("throws", R"({"properties": {"hook": {"type": "string"}}, "required": ["hook"]})");
  t.on_load = [](void*) -> postern_status {
    reach_in_library("on_load");
    return POSTERN_OK;
  };
  t.on_unload = [](void*) { reach_in_library("on_unload"); };
  t.script_open = script_open;
  t.script_close = [](void*, const postern_plugin*) { reach_in_library("script_close"); };
  t.on_configure = on_configure;
  t.on_destroy = [](void* data) { delete static_cast<Instance*>(data); };
  t.on_worker_start = [](void* data, std::uint32_t) -> postern_status {
    static_cast<Instance*>(data)->reach("on_worker_start");
    return POSTERN_OK;
  };
  t.on_worker_stop = [](void* data, std::uint32_t) -> postern_status {
    static_cast<Instance*>(data)->reach("on_worker_stop");
    return POSTERN_OK;
  };
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
