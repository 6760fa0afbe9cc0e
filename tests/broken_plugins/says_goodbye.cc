// Says goodbye to an upstream when it stops, and waits for the answer; with `forgets: true` it never says that it has come.
#include "raw_plugin.h"

namespace {

struct Instance {
  postern_instance instance;
  bool forgets;
};

void answered(void* user, const postern_call_response* response) {
  auto& self = *static_cast<Instance*>(user);
  raw::log(self.instance, "goodbye ended with " + std::to_string(response->result));
  if (self.forgets) return;
  auto worker = static_cast<std::uint32_t>(raw::interface<postern_loop_table>("loop")->worker());
  raw::interface<postern_instance_table>("instance")->ready(self.instance, worker, POSTERN_OK, {});
}

postern_plugin make() {
  auto t = raw::table("says-goodbye", R"({"properties": {"forgets": {"type": "boolean"}}})");
  t.on_configure = [](void*, postern_instance instance, postern_node config, void** data) -> postern_status {
    *data = new Instance{instance, raw::config->as_bool(raw::config->get(config, raw::text("forgets"))) != 0};
    return POSTERN_OK;
  };
  t.on_worker_stop = [](void* data, std::uint32_t) -> postern_status {
    postern_call_request request{};
    request.struct_size = sizeof request;
    request.upstream = raw::text("backend");
    request.method = raw::text("GET");
    request.target = raw::text("/goodbye");
    auto call = raw::interface<postern_call_table>("call")->start(static_cast<Instance*>(data)->instance, &request,
                                                                  answered, data);
    return call != 0 ? POSTERN_PENDING : POSTERN_E_FAILED;
  };
  t.on_destroy = [](void* data) { delete static_cast<Instance*>(data); };
  return t;
}

}  // namespace

RAW_NOTE("says-goodbye", 0);
RAW_ENTRY(make);
