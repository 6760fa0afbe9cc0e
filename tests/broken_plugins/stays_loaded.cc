// Has a thread_local variable with a destructor, and uses it: the C library will not unload the file any more.
#include "raw_plugin.h"

RAW_NOTE("stays-loaded", 0);
RAW_ENTRY([] {
  auto t = raw::table("stays-loaded");
  t.on_configure = [](void*, postern_instance, postern_node, void**) -> postern_status {
    thread_local std::string text;
    text.assign(100, 'x');
    return POSTERN_OK;
  };
  return t;
});
