// Resumes its ticket once as it should, and again when the exchange is over and with every later request.
#include <mutex>
#include <vector>

#include "raw_plugin.h"

namespace {

std::mutex mutex;
std::vector<postern_ticket> used;

void resume_all() {
  std::lock_guard lock(mutex);
  for (const auto& ticket : used) raw::exchange->resume(ticket, POSTERN_ABORT);
}

postern_verdict on_request(void*, void*, postern_exchange x) {
  resume_all();
  postern_ticket ticket{};
  raw::exchange->pause(x, &ticket);
  raw::exchange->resume(ticket, POSTERN_CONTINUE);
  std::lock_guard lock(mutex);
  if (used.size() < 1000) used.push_back(ticket);
  return POSTERN_SUSPEND;
}

}  // namespace

RAW_NOTE("resumes-after-end", POSTERN_HOOK_REQUEST | POSTERN_HOOK_COMPLETE);
RAW_ENTRY([] {
  auto t = raw::table("resumes-after-end");
  t.on_request = on_request;
  t.on_complete = [](void*, void*, postern_exchange, const postern_completion*) { resume_all(); };
  return t;
});
