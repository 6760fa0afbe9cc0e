#include "plugin/host_tables/worker_handles.h"

#include "plugin/host_tables/host_tables.h"

namespace postern::plugin {

void release_worker_handles(postern_instance instance, std::uint32_t worker) {
  auto* here = proxy::WorkerContext::current();
  if (instance == nullptr || here == nullptr || here->index() != worker) return;
  instance->presence.leave(worker);  // first: what the ends of its calls begin would stay
  release_calls(instance);
  release_timers(instance);
}

}  // namespace postern::plugin
