// Built when the table ended before on_upstream_select: it must load, and its older hooks must work. What lies behind the
// end is not the table's.
#include "raw_plugin.h"

RAW_NOTE("table-too-short", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] {
  auto t = raw::table("table-too-short");
  t.struct_size = offsetof(postern_plugin, on_upstream_select);
  t.on_request = [](void*, void*, postern_exchange x) -> postern_verdict {
    raw::exchange->header_set(x, POSTERN_REQUEST, raw::text("x-short"), raw::text("1"));
    return POSTERN_CONTINUE;
  };
  t.on_response = [](void*, void*, postern_exchange) -> postern_verdict { __builtin_trap(); };
  return t;
});
