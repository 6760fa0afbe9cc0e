#include "task.h"

namespace postern::lua {

const char* phase_name(Phase phase) {
  static constexpr const char* kNames[] = {
      "on_connection",       "on_request_early",   "on_request",  "on_request_body",  "on_upstream_select",
      "on_upstream_request", "on_upstream_result", "on_response", "on_response_body", "on_complete",
      "on_worker_start",     "on_configure",       "a timer",     "loading"};
  return kNames[static_cast<int>(phase)];
}

bool may_suspend(Phase phase) {
  return phase != Phase::upstream_result && phase != Phase::complete && phase != Phase::configure &&
         phase != Phase::load;
}

}  // namespace postern::lua
