// Has a body hook and says nothing of bodies, so that it would never be called.
#include "raw_plugin.h"

RAW_NOTE("body-without-policy", POSTERN_HOOK_RESPONSE_BODY);
RAW_ENTRY([] {
  auto t = raw::table("body-without-policy");
  t.on_response_body = [](void*, void*, postern_exchange, postern_str, std::uint32_t) -> postern_verdict {
    return POSTERN_CONTINUE;
  };
  return t;
});
