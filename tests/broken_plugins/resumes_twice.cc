// Resumes inside the hook, and again at once with another verdict.
#include "raw_plugin.h"

static postern_verdict on_request(void*, void*, postern_exchange x) {
  postern_ticket ticket{};
  raw::exchange->pause(x, &ticket);
  raw::exchange->resume(ticket, POSTERN_CONTINUE);
  raw::exchange->resume(ticket, POSTERN_ABORT);
  return POSTERN_SUSPEND;
}

RAW_NOTE("resumes-twice", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] {
  auto t = raw::table("resumes-twice");
  t.on_request = on_request;
  return t;
});
