#include "server/server_metrics.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxEndpoints = 5'000;
constexpr std::size_t kMaxHookSeries = 20'000;
constexpr double kNanosecondsPerSecond = 1e9;

Metrics::Series endpoint_series(Metrics::FamilyId family, std::string_view upstream, std::string_view target) {
  return metrics().series(family, {upstream, target});
}

Metrics::FamilyId endpoint_gauges(std::string_view name, std::string_view help) {
  return metrics().gauges(name, help, {"upstream", "target"}, kMaxEndpoints);
}

Metrics::FamilyId endpoint_counters(std::string_view name, std::string_view help) {
  return metrics().counters(name, help, {"upstream", "target"}, kMaxEndpoints);
}

struct EndpointFamilies {
  Metrics::FamilyId open =
      endpoint_gauges("postern_upstream_connections", "Connections to the target, idle ones included.");
  Metrics::FamilyId idle = endpoint_gauges("postern_upstream_connections_idle", "Connections that wait for reuse.");
  Metrics::FamilyId waiting =
      endpoint_gauges("postern_upstream_waiting", "Exchanges that wait for a connection to the target.");
  Metrics::FamilyId active = endpoint_gauges("postern_upstream_active", "Exchanges in flight to the target.");
  Metrics::FamilyId weight = endpoint_gauges("postern_upstream_weight", "Weight in balancing; 0 when taken out.");
  Metrics::FamilyId attempts =
      endpoint_counters("postern_upstream_attempts_total", "Attempts begun, retries included.");
  Metrics::FamilyId failures =
      endpoint_counters("postern_upstream_failures_total", "Attempts that ended without a response head.");
};
const EndpointFamilies& endpoint_families() {
  static const EndpointFamilies families;
  return families;
}

Metrics::FamilyId hook_counters(std::string_view name, std::string_view help) {
  return metrics().counters(name, help, {"plugin", "route", "hook"}, kMaxHookSeries);
}
Metrics::FamilyId link_counters(std::string_view name, std::string_view help) {
  return metrics().counters(name, help, {"plugin", "route"}, kMaxHookSeries);
}

struct HookFamilies {
  Metrics::FamilyId calls = hook_counters("postern_plugin_calls_total", "Calls of a plugin's hook.");
  Metrics::FamilyId time =
      hook_counters("postern_plugin_time_seconds_total", "Time spent inside a plugin's hook, estimated from samples.");
  Metrics::FamilyId suspended =
      hook_counters("postern_plugin_suspended_seconds_total", "Time that exchanges stood still for a plugin's hook.");
  Metrics::FamilyId errors = hook_counters("postern_plugin_errors_total", "Hook calls that failed.");
  Metrics::FamilyId deadlines =
      hook_counters("postern_plugin_deadlines_total", "Suspended hooks that were not resumed in time.");
  Metrics::FamilyId responses = hook_counters("postern_plugin_responses_total", "Local responses by a plugin's hook.");
  Metrics::FamilyId buffered =
      link_counters("postern_plugin_buffered_bytes_total", "Body bytes buffered for a plugin.");
  Metrics::FamilyId shadowed =
      link_counters("postern_plugin_shadowed_total", "Verdicts that shadow mode did not carry out.");
};
const HookFamilies& hook_families() {
  static const HookFamilies families;
  return families;
}

// The id of the route whose chain holds `link`.
std::string route_of(const Plan& plan, const Link& link) {
  for (const RoutePlan& route : plan.routes) {
    auto links = route.chain.links();
    if (!links.empty() && links.front().number <= link.number && link.number <= links.back().number)
      return route.config->id;
  }
  return {};
}

// Carries what a counter gained since the last time into a series, which is made when there is something to count.
class Carried {
 public:
  std::uint64_t gain(const WorkerCounter& counter) noexcept {
    std::uint64_t now = counter.get();
    std::uint64_t gained = now - seen_;
    seen_ = now;
    return gained;
  }
  template <std::size_t N>
  void add(double amount, Metrics::FamilyId family, const std::array<std::string_view, N>& labels) {
    if (amount == 0) return;
    if (series_ == 0) series_ = metrics().series(family, labels);
    metrics().add(series_, amount);
  }

 private:
  std::uint64_t seen_ = 0;
  Metrics::Series series_ = 0;
};

using HookLabels = std::array<std::string_view, 3>;

struct HookSource {
  Carried calls, sampled_calls, time, suspended, errors, deadlines, responses;
  double untimed_calls = 0;  // not yet part of the time
  double mean_ns = 0;        // of the latest samples
  bool sampled = false;

  void collect(const HookCounters::PerHook& c, const HookLabels& labels) {
    const HookFamilies& families = hook_families();
    auto called = static_cast<double>(calls.gain(c.calls));
    calls.add(called, families.calls, labels);
    untimed_calls += called;
    auto samples = static_cast<double>(sampled_calls.gain(c.sampled_calls));
    auto sampled_ns = static_cast<double>(time.gain(c.sampled_ns));
    if (samples > 0) mean_ns = sampled_ns / samples;
    sampled = sampled || samples > 0;
    if (sampled) {
      time.add(untimed_calls * mean_ns / kNanosecondsPerSecond, families.time, labels);
      untimed_calls = 0;
    }
    auto suspended_ns = static_cast<double>(suspended.gain(c.suspended_ns));
    suspended.add(suspended_ns / kNanosecondsPerSecond, families.suspended, labels);
    errors.add(static_cast<double>(errors.gain(c.errors)), families.errors, labels);
    deadlines.add(static_cast<double>(deadlines.gain(c.deadlines)), families.deadlines, labels);
    responses.add(static_cast<double>(responses.gain(c.responses)), families.responses, labels);
  }
};

}  // namespace

struct HookPublication::Source {
  Source(const HookCounters& c, std::string_view p, std::string_view r) : counters(c), plugin(p), route(r) {}

  const HookCounters& counters;
  const std::string plugin;
  const std::string route;
  std::array<HookSource, kHooks> hooks;
  Carried buffered, shadowed;

  void collect() {
    for (std::size_t i = 0; i < kHooks; ++i)
      hooks[i].collect(counters.hooks[i], {plugin, route, name_of(static_cast<Hook>(i))});
    const std::array<std::string_view, 2> labels{plugin, route};
    buffered.add(static_cast<double>(buffered.gain(counters.buffered_bytes)), hook_families().buffered, labels);
    shadowed.add(static_cast<double>(shadowed.gain(counters.shadowed)), hook_families().shadowed, labels);
  }
};

namespace {

// All that is published, by any worker.
class Sources {
 public:
  Sources() {
    hook_families();
    metrics().add_collector([this] {
      std::lock_guard lock(mutex_);
      for (auto* source : all_) source->collect();
    });
  }
  void add(HookPublication::Source& source) {
    std::lock_guard lock(mutex_);
    all_.push_back(&source);
  }
  void remove(HookPublication::Source& source) {
    std::lock_guard lock(mutex_);
    source.collect();
    std::erase(all_, &source);
  }

 private:
  std::mutex mutex_;
  std::vector<HookPublication::Source*> all_;
};

Sources& sources() {
  static Sources& all = *new Sources;  // the collector refers to it until the process ends
  return all;
}

}  // namespace

WorkerMetrics::WorkerMetrics()
    : connections(metrics().gauge("postern_connections", "Client connections that are open.")),
      connections_total(metrics().counter("postern_connections_total", "Client connections accepted.")),
      exchanges(metrics().gauge("postern_exchanges", "Exchanges in flight.")),
      exchanges_total(metrics().counter("postern_exchanges_total", "Exchanges begun.")) {
  static const Metrics::CollectorId dropped = [] {
    auto lines =
        metrics().gauge("postern_log_lines_dropped", "Log lines lost since the start, because the disk was slow.");
    return metrics().add_collector([lines] { metrics().set(lines, static_cast<double>(dropped_log_lines())); });
  }();
  static_cast<void>(dropped);
}

void count_handshake(bool resumed) {
  static const Metrics::FamilyId family = metrics().counters(
      "postern_tls_handshakes_total", "TLS handshakes with clients that were finished.", {"resumed"});
  static const Metrics::Series no = metrics().series(family, {"no"}), yes = metrics().series(family, {"yes"});
  metrics().add(resumed ? yes : no, 1);
}

void log_failed_handshake(std::string_view listener, std::string_view peer, std::string_view reason,
                          std::string_view why) {
  static const Metrics::FamilyId family = metrics().counters(
      "postern_tls_handshake_failures_total", "Client connections that ended before the first request.", {"reason"});
  metrics().add(metrics().series(family, {reason}), 1);
  // Port scanners and health checks connect and go: no news.
  LogLevel level = reason == "closed" ? LogLevel::debug : LogLevel::info;
  logger("tls").write(level, "a client's handshake failed",
                      {{"listener", listener}, {"peer", peer}, {"kind", reason}, {"reason", why}});
}

EndpointMetrics::EndpointMetrics(std::string_view upstream, std::string_view target)
    : open_(endpoint_series(endpoint_families().open, upstream, target)),
      idle_(endpoint_series(endpoint_families().idle, upstream, target)),
      waiting_(endpoint_series(endpoint_families().waiting, upstream, target)),
      active_(endpoint_series(endpoint_families().active, upstream, target)),
      attempts_(endpoint_series(endpoint_families().attempts, upstream, target)),
      failures_(endpoint_series(endpoint_families().failures, upstream, target)),
      weight_(endpoint_series(endpoint_families().weight, upstream, target)) {}

void EndpointMetrics::pool(std::size_t open, std::size_t idle, std::size_t waiting) noexcept {
  open_.set(static_cast<double>(open));
  idle_.set(static_cast<double>(idle));
  waiting_.set(static_cast<double>(waiting));
}

// Workers agree on it, so it is set and not shared.
void EndpointMetrics::weight(std::uint32_t weight, bool available) noexcept {
  metrics().set(weight_, available ? static_cast<double>(weight) : 0);
}

HookPublication::HookPublication(const HookCounters& counters, const Plan& plan, const Link& link)
    : HookPublication(counters, link.instance->name, route_of(plan, link)) {}

HookPublication::HookPublication(const HookCounters& counters, std::string_view plugin, std::string_view route)
    : source_(std::make_unique<Source>(counters, plugin, route)) {
  sources().add(*source_);
}

HookPublication::~HookPublication() { sources().remove(*source_); }

}  // namespace postern::proxy
