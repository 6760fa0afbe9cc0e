#include "exchange/hook_metrics.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <vector>

#include "base/metrics.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxHookSeries = 20'000;
constexpr double kNanosecondsPerSecond = 1e9;

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

HookPublication::HookPublication(const HookCounters& counters, const Plan& plan, const Link& link)
    : HookPublication(counters, link.instance->name, route_of(plan, link)) {}

HookPublication::HookPublication(const HookCounters& counters, std::string_view plugin, std::string_view route)
    : source_(std::make_unique<Source>(counters, plugin, route)) {
  sources().add(*source_);
}

HookPublication::~HookPublication() { sources().remove(*source_); }

}  // namespace postern::proxy
