// Gives the thread pool a job that never ends, so that its instance is never let go.
#include <unistd.h>

#include "raw_plugin.h"

RAW_NOTE("work-without-end", 0);
RAW_ENTRY([] {
  auto t = raw::table("work-without-end");
  t.on_configure = [](void*, postern_instance instance, postern_node, void** data) -> postern_status {
    *data = instance;
    return POSTERN_OK;
  };
  t.on_worker_start = [](void* data, std::uint32_t) -> postern_status {
    auto forever = [](void*) {
      while (true) ::pause();
    };
    raw::interface<postern_work_table>("work")->submit(static_cast<postern_instance>(data), 0, forever, nullptr,
                                                       nullptr);
    return POSTERN_OK;
  };
  return t;
});
