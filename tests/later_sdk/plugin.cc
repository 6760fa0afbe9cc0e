// One source, four plugins: what each uses of a later SDK.
#include "raw_plugin.h"

namespace {

std::string idle() {
#if defined(LATER_FUNCTION)
  return std::to_string(postern::detail::idle());
#elif defined(LATER_ASKS_FIRST)
  if (POSTERN_OFFERS(loop, idle)) return std::to_string(postern::detail::host.loop->idle());
#endif
  return "unknown";
}

postern_verdict on_response(void*, void*, postern_exchange x) {
  raw::exchange->header_set(x, POSTERN_RESPONSE, raw::text("x-idle"), raw::text(idle()));
  return POSTERN_CONTINUE;
}

postern_plugin make_table() {
  postern::detail::connect(raw::host);
  auto table = raw::table(NAME);
  table.on_response = on_response;
  return table;
}

#if defined(LATER_HOOK)
RAW_NOTE(NAME, POSTERN_HOOK_RESPONSE | POSTERN_HOOK_IDLE);
#else
RAW_NOTE(NAME, POSTERN_HOOK_RESPONSE);
#endif

}  // namespace

RAW_ENTRY(make_table);
