// What the request path tells of itself in the metrics registry. Its owners write plain worker-local numbers; the hooks'
// counters are read when somebody asks (collectors), so that counting a call costs one store.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/metrics.h"
#include "plan/hook_counters.h"
#include "plan/plan.h"

namespace postern::proxy {

// One worker's part of the numbers of the whole gateway; a member of it.
struct WorkerMetrics {
  WorkerMetrics();
  Tally connections;        // gauge: client connections that are open
  Tally connections_total;  // accepted
  Tally exchanges;          // gauge: in flight
  Tally exchanges_total;    // begun
};

// postern_tls_handshakes_total{resumed} and postern_tls_handshake_failures_total{reason}. A failure is logged, too: once, with
// the listener, the peer and the reason.
void count_handshake(bool resumed);
void log_failed_handshake(std::string_view listener, std::string_view peer, std::string_view reason,
                          std::string_view why);

// One worker's numbers of one endpoint; a member of it. Gauges go back to what they were when it is destroyed.
class EndpointMetrics {
 public:
  EndpointMetrics(std::string_view upstream, std::string_view target);

  void pool(std::size_t open, std::size_t idle, std::size_t waiting) noexcept;  // after any change
  void idle(std::size_t connections) noexcept { idle_.set(static_cast<double>(connections)); }
  void active(std::uint64_t exchanges) noexcept { active_.set(static_cast<double>(exchanges)); }
  void weight(std::uint32_t weight, bool available) noexcept;  // what the balancer sees of it
  void attempt() noexcept { attempts_.add(1); }
  void failure() noexcept { failures_.add(1); }  // an attempt that got no response head

 private:
  GaugeShare open_, idle_, waiting_, active_;
  Tally attempts_, failures_;
  Metrics::Series weight_;
};

// Makes the counters of one link visible as postern_plugin_*{plugin,route,hook} for as long as it lives; what has been
// counted by then stays in the totals. `counters` must outlive it, `plan` and `link` need not. The hooks' time is scaled from
// the sampled calls. `route` is empty in the gateway-wide chain that serves what no route takes.
class HookPublication {
 public:
  HookPublication(const HookCounters& counters, const Plan& plan, const Link& link);
  HookPublication(const HookCounters& counters, std::string_view plugin, std::string_view route);
  HookPublication(const HookPublication&) = delete;
  HookPublication& operator=(const HookPublication&) = delete;
  ~HookPublication();

  struct Source;

 private:
  std::unique_ptr<Source> source_;
};

}  // namespace postern::proxy
