// Resumes from a thread of its own, twice, perhaps before the hook has returned and perhaps after the exchange has ended.
#include <mutex>
#include <thread>
#include <vector>

#include "raw_plugin.h"

namespace {

struct Instance {
  std::mutex mutex;
  std::vector<std::thread> threads;
};

postern_verdict on_request(void* data, void*, postern_exchange x) {
  postern_ticket ticket{};
  raw::exchange->pause(x, &ticket);
  auto* self = static_cast<Instance*>(data);
  std::lock_guard lock(self->mutex);
  self->threads.emplace_back([ticket] {
    raw::exchange->resume(ticket, POSTERN_CONTINUE);
    raw::exchange->resume(ticket, POSTERN_ABORT);
  });
  return POSTERN_SUSPEND;
}

}  // namespace

RAW_NOTE("resumes-other-thread", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] {
  auto t = raw::table("resumes-other-thread");
  t.on_configure = [](void*, postern_instance, postern_node, void** data) -> postern_status {
    *data = new Instance;
    return POSTERN_OK;
  };
  t.on_destroy = [](void* data) {
    auto* self = static_cast<Instance*>(data);
    for (auto& thread : self->threads) thread.join();
    delete self;
  };
  t.on_request = on_request;
  return t;
});
