// Suspends every request and forgets it.
#include "raw_plugin.h"

static postern_verdict on_request(void*, void*, postern_exchange x) {
  postern_ticket ticket{};
  raw::exchange->pause(x, &ticket);
  return POSTERN_SUSPEND;
}

RAW_NOTE("never-resumes", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] {
  auto t = raw::table("never-resumes");
  t.on_request = on_request;
  return t;
});
