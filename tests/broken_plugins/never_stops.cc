// Never comes back from on_worker_stop.
#include <unistd.h>

#include "raw_plugin.h"

RAW_NOTE("never-stops", 0);
RAW_ENTRY([] {
  auto t = raw::table("never-stops");
  t.on_configure = [](void*, postern_instance instance, postern_node, void** data) -> postern_status {
    *data = instance;
    return POSTERN_OK;
  };
  t.on_worker_stop = [](void*, std::uint32_t) -> postern_status {
    while (true) ::pause();
  };
  return t;
});
