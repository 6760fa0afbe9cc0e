// Says that its instance will be ready later, and never is.
#include "raw_plugin.h"

RAW_NOTE("pending-forever", 0);
RAW_ENTRY([] {
  auto t = raw::table("pending-forever");
  t.on_configure = [](void*, postern_instance, postern_node, void**) -> postern_status { return POSTERN_PENDING; };
  return t;
});
