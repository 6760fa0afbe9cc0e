// Answers with a verdict that does not exist.
#include "raw_plugin.h"

RAW_NOTE("answers-nonsense", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] {
  auto t = raw::table("answers-nonsense");
  t.on_request = [](void*, void*, postern_exchange) -> postern_verdict { return 77; };
  return t;
});
