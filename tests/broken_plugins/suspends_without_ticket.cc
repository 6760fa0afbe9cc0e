// Answers SUSPEND without having taken a ticket: nobody could ever resume it.
#include "raw_plugin.h"

RAW_NOTE("suspends-without-ticket", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] {
  auto t = raw::table("suspends-without-ticket");
  t.on_request = [](void*, void*, postern_exchange) -> postern_verdict { return POSTERN_SUSPEND; };
  return t;
});
