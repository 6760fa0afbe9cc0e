// Never comes back from on_destroy.
#include <unistd.h>

#include "raw_plugin.h"

RAW_NOTE("never-destroyed", 0);
RAW_ENTRY([] {
  auto t = raw::table("never-destroyed");
  t.on_configure = [](void*, postern_instance instance, postern_node, void** data) -> postern_status {
    *data = instance;
    return POSTERN_OK;
  };
  t.on_destroy = [](void*) {
    while (true) ::pause();
  };
  return t;
});
