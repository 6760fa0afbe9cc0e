// Calls an upstream in on_worker_start and gives the answer ten minutes. Says in the log how it ended.
#include "raw_plugin.h"

RAW_NOTE("calls-at-start", 0);
RAW_ENTRY([] {
  auto t = raw::table("calls-at-start");
  t.on_configure = [](void*, postern_instance instance, postern_node, void** data) -> postern_status {
    *data = instance;
    return POSTERN_OK;
  };
  t.on_worker_start = [](void* data, std::uint32_t) -> postern_status {
    postern_call_request request{};
    request.struct_size = sizeof request;
    request.timeout_ms = 600'000;
    request.upstream = raw::text("backend");
    request.method = raw::text("GET");
    request.target = raw::text("/from-plugin");
    auto done = [](void* instance, const postern_call_response* response) {
      auto body = response->result == POSTERN_OK ? std::string(raw::view(response->body_view)) : "nothing";
      raw::log(static_cast<postern_instance>(instance),
               "the call ended with " + std::to_string(response->result) + ": " + body);
    };
    auto call =
        raw::interface<postern_call_table>("call")->start(static_cast<postern_instance>(data), &request, done, data);
    if (call == 0) raw::log(static_cast<postern_instance>(data), "the call was refused");
    return POSTERN_OK;
  };
  return t;
});
