// Each of its ends begins the next: timer, then work or a call, then the timer again. Nothing but the gateway ever stops it.
// From the second round on its work waits for on_worker_stop, so that there is always some under way when it is stopped.
#include <atomic>

#include "raw_plugin.h"

namespace {

struct Instance {
  postern_instance instance;
  bool calls;
  std::atomic<bool> stopped{false};
  std::atomic<std::uint64_t> rounds{0};
};

void arm(Instance& self);

void again(void* user) {
  auto& self = *static_cast<Instance*>(user);
  if (self.rounds++ == 0) raw::log(self.instance, "rearms goes round");
  arm(self);
}

void work(void* user) {
  auto& self = *static_cast<Instance*>(user);
  if (self.rounds > 0) self.stopped.wait(false);
}

void on_timer(void* user) {
  auto& self = *static_cast<Instance*>(user);
  postern_call_request request{};
  request.struct_size = sizeof request;
  request.upstream = raw::text("backend");
  request.method = raw::text("GET");
  request.target = raw::text("/");
  if (self.calls)
    raw::interface<postern_call_table>("call")->start(
        self.instance, &request, [](void* same, const postern_call_response*) { again(same); }, user);
  else
    raw::interface<postern_work_table>("work")->submit(
        self.instance, 0, work, [](void* same, postern_status) { again(same); }, user);
}

void arm(Instance& self) { raw::interface<postern_timer_table>("timer")->start(self.instance, 1, 0, on_timer, &self); }

postern_plugin make() {
  auto t = raw::table("rearms", R"({"properties": {"with": {"enum": ["work", "call"]}}, "required": ["with"]})");
  t.on_configure = [](void*, postern_instance instance, postern_node config, void** data) -> postern_status {
    *data = new Instance{instance, raw::setting(config, "with") == "call"};
    return POSTERN_OK;
  };
  t.on_worker_start = [](void* data, std::uint32_t) -> postern_status {
    arm(*static_cast<Instance*>(data));
    return POSTERN_OK;
  };
  t.on_worker_stop = [](void* data, std::uint32_t) -> postern_status {
    static_cast<Instance*>(data)->stopped = true;
    static_cast<Instance*>(data)->stopped.notify_all();
    return POSTERN_OK;
  };
  t.on_destroy = [](void* data) { delete static_cast<Instance*>(data); };
  return t;
}

}  // namespace

RAW_NOTE("rearms", 0);
RAW_ENTRY(make);
