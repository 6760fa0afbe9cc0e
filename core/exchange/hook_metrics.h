// What the hooks of a chain's links show in the metrics. Counting a call costs one store: the counters are read when
// somebody asks for the metrics.
#pragma once

#include <memory>
#include <string_view>

#include "plan/hook_counters.h"
#include "plan/plan.h"

namespace postern::proxy {

// Makes the counters of one link visible as postern_plugin_*{plugin,route,hook} for as long as it lives; what has been
// counted by then stays in the totals. `counters` must outlive it, `plan` and `link` need not. The hooks' time is scaled from
// the sampled calls. `route` is empty in the gateway-wide chain that serves what no route takes.
class HookPublication {
 public:
  HookPublication(const HookCounters& counters, const Plan& plan, const Link& link);
  HookPublication(const HookCounters& counters, std::string_view plugin, std::string_view route);
  HookPublication(const CallCounters& callbacks, std::string_view plugin, std::string_view route);  // hook="callback"
  HookPublication(const HookPublication&) = delete;
  HookPublication& operator=(const HookPublication&) = delete;
  ~HookPublication();

  struct Source;

 private:
  std::unique_ptr<Source> source_;
};

}  // namespace postern::proxy
