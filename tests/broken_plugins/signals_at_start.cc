// Sends its own process a signal in the first on_worker_start; says that it will be ready later, and never is, when asked.
#include <unistd.h>

#include <csignal>
#include <utility>

#include "raw_plugin.h"

namespace {

struct Instance {
  int signal = 0;
  bool pending = false;
};

int signal_named(const std::string& name) {
  if (name == "hangup") return SIGHUP;
  return name == "terminate" ? SIGTERM : 0;
}

postern_plugin make() {
  auto t = raw::table("signals-at-start", R"({"properties": {"signal": {"enum": ["hangup", "terminate", "none"]},
                                                             "pending": {"type": "boolean", "default": false}}})");
  t.on_configure = [](void*, postern_instance, postern_node config, void** data) -> postern_status {
    bool pending = raw::config->as_bool(raw::config->get(config, raw::text("pending"))) != 0;
    *data = new Instance{signal_named(raw::setting(config, "signal")), pending};
    return POSTERN_OK;
  };
  t.on_worker_start = [](void* data, std::uint32_t) -> postern_status {
    static bool sent = false;
    auto& self = *static_cast<Instance*>(data);
    if (self.signal != 0 && !std::exchange(sent, true)) ::kill(::getpid(), self.signal);
    return self.pending ? POSTERN_PENDING : POSTERN_OK;
  };
  t.on_destroy = [](void* data) { delete static_cast<Instance*>(data); };
  return t;
}

}  // namespace

RAW_NOTE("signals-at-start", 0);
RAW_ENTRY(make);
