/* The ABI's layout as a C compiler sees it, and a plugin table filled in from C: abi.h needs nothing but C11. */
#include <postern/abi.h>

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "the size of " #type " has changed");
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved");
#include "abi_layout.inc"

static postern_verdict continue_always(void* data, void* slot, postern_exchange x) {
  (void)data;
  (void)slot;
  (void)x;
  return POSTERN_CONTINUE;
}

/* A plugin written in C, for the test to call. */
const postern_plugin* c_plugin_query(const postern_host* host);
const postern_plugin* c_plugin_query(const postern_host* host) {
  static postern_plugin table;
  if (host == NULL || host->abi_major != POSTERN_ABI_MAJOR) return NULL;
  table.struct_size = sizeof table;
  table.version = 1;
  table.name.ptr = "in-c";
  table.name.len = 4;
  table.on_request = continue_always;
  return &table;
}
