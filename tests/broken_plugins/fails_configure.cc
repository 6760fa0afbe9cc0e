// Refuses every configuration after it has allocated: on_destroy must still be called.
#include "raw_plugin.h"

RAW_NOTE("fails-configure", 0);
RAW_ENTRY([] {
  auto t = raw::table("fails-configure");
  t.on_configure = [](void*, postern_instance, postern_node, void** data) -> postern_status {
    *data = new int(1);
    return POSTERN_E_FAILED;
  };
  t.on_destroy = [](void* data) { delete static_cast<int*>(data); };
  return t;
});
