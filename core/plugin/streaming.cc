#include "plugin/streaming.h"

#include "config/node.h"
#include "plugin/instance.h"
#include "plugin/library.h"

namespace postern::plugin {
namespace {

using config::Streaming;

// "whole responses (up to 64k)", "the first 1k of requests", or nothing.
std::string held(const postern_body_policy& policy, bool hook_runs, const std::string& bodies) {
  if (!hook_runs || policy.policy != POSTERN_BODY_BUFFER) return {};
  auto limit = config::show_size(static_cast<std::int64_t>(policy.limit));
  if (policy.on_overflow == POSTERN_OVERFLOW_REJECT) return "whole " + bodies + " (up to " + limit + ")";
  return "the first " + limit + " of " + bodies;
}

std::string held_by(const postern_instance_s& instance, Streaming what) {
  const Declarations& said = instance.declared;
  auto hooks = hooks_of(*instance.table) & ~said.disabled_hooks;
  auto responses = held(said.response_body, (hooks & POSTERN_HOOK_RESPONSE_BODY) != 0, "responses");
  if (what != Streaming::both) return responses;
  auto requests = held(said.request_body, (hooks & POSTERN_HOOK_REQUEST_BODY) != 0, "requests");
  return requests.empty() || responses.empty() ? requests + responses : requests + " and " + responses;
}

std::string who_demands(const config::StreamingDemand& demand) {
  std::string what = demand.what == Streaming::both ? "requests and responses" : "responses";
  return what + " must pass piece by piece here (" + (demand.stack.empty() ? "" : "stack \"" + demand.stack + "\", ") +
         "streaming: " + (demand.what == Streaming::both ? "both" : "response") + ")";
}

}  // namespace

void check_streaming(const std::vector<postern_instance>& chain, const config::StreamingDemand& demand,
                     const std::string& where, config::Problems& problems) {
  if (demand.what == Streaming::none) return;
  for (postern_instance self : chain) {
    auto held = held_by(*self, demand.what);
    if (held.empty()) continue;
    bool elsewhere = self->scope == "gateway" && where != "plugins";
    problems.push_back(
        {self->position, where,
         '"' + self->name + "\" waits for " + held + ", but " + who_demands(demand) + ". " +
             (elsewhere ? "Move \"" + self->name + "\" from the gateway-wide plugins to the routes that need it."
                        : "Take \"" + self->name + "\" out, or give what needs it a route of its own.")});
  }
}

}  // namespace postern::plugin
