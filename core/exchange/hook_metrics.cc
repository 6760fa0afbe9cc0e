#include "exchange/hook_metrics.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <unordered_map>
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
  Metrics::FamilyId time = hook_counters(
      "postern_plugin_time_seconds_total",
      "Time in a plugin's own code, by hook (callback: timers, calls, jobs, posts), estimated from samples.");
  Metrics::FamilyId longest = metrics().gauges("postern_plugin_longest_seconds",
                                               "The longest call of a plugin's hook or callback that was seen.",
                                               {"plugin", "route", "hook"}, kMaxHookSeries);
  Metrics::FamilyId body =
      hook_counters("postern_plugin_body_bytes_total", "Body bytes that a plugin's body hook was given.");
  Metrics::FamilyId replaced =
      hook_counters("postern_plugin_replaced_bytes_total", "Body bytes that a plugin put in the place of others.");
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

// The longest call of each series, of all workers and generations.
class LongestCalls {
 public:
  void raise(std::uint64_t ns, const HookLabels& labels) {
    if (ns == 0) return;
    const Metrics::Series series = metrics().series(hook_families().longest, labels);
    std::uint64_t& known = longest_[series];
    if (ns > known) metrics().set(series, static_cast<double>(known = ns) / kNanosecondsPerSecond);
  }

 private:
  std::unordered_map<Metrics::Series, std::uint64_t> longest_;
};

struct CallSource {
  CallSource(const CallCounters& c, std::string_view h) : counters(c), hook(h) {}

  const CallCounters& counters;
  const std::string_view hook;
  Carried calls, sampled_calls, time, suspended, errors, deadlines, responses, body, replaced;
  double untimed_calls = 0;  // not yet part of the time
  double mean_ns = 0;        // of the latest samples
  bool sampled = false;
  std::uint64_t longest_ns = 0;

  void collect(std::string_view plugin, std::string_view route, LongestCalls& longest) {
    const HookLabels labels{plugin, route, hook};
    const HookFamilies& families = hook_families();
    carry(calls, counters.calls, families.calls, labels);
    collect_time(labels);
    auto suspended_ns = static_cast<double>(suspended.gain(counters.suspended_ns));
    suspended.add(suspended_ns / kNanosecondsPerSecond, families.suspended, labels);
    carry(errors, counters.errors, families.errors, labels);
    carry(deadlines, counters.deadlines, families.deadlines, labels);
    carry(responses, counters.responses, families.responses, labels);
    carry(body, counters.body_bytes, families.body, labels);
    carry(replaced, counters.replaced_bytes, families.replaced, labels);
    if (counters.longest_ns.get() > longest_ns) longest.raise(longest_ns = counters.longest_ns.get(), labels);
  }

 private:
  static void carry(Carried& carried, const WorkerCounter& counter, Metrics::FamilyId family,
                    const HookLabels& labels) {
    carried.add(static_cast<double>(carried.gain(counter)), family, labels);
  }
  void collect_time(const HookLabels& labels) {
    untimed_calls += static_cast<double>(counters.calls.get() - timed_up_to);
    timed_up_to = counters.calls.get();
    auto samples = static_cast<double>(sampled_calls.gain(counters.sampled_calls));
    auto sampled_ns = static_cast<double>(time.gain(counters.sampled_ns));
    if (samples > 0) mean_ns = sampled_ns / samples;
    sampled = sampled || samples > 0;
    if (!sampled) return;
    time.add(untimed_calls * mean_ns / kNanosecondsPerSecond, hook_families().time, labels);
    untimed_calls = 0;
  }
  std::uint64_t timed_up_to = 0;
};

}  // namespace

struct HookPublication::Source {
  Source(const HookCounters& c, std::string_view p, std::string_view r) : of_hooks(&c), plugin(p), route(r) {
    for (std::size_t i = 0; i < kHooks; ++i) calls.emplace_back(c.hooks[i], name_of(static_cast<Hook>(i)));
  }
  Source(const CallCounters& c, std::string_view p, std::string_view r) : plugin(p), route(r) {
    calls.emplace_back(c, "callback");
  }

  const HookCounters* const of_hooks = nullptr;  // null: of callbacks
  const std::string plugin;
  const std::string route;
  std::vector<CallSource> calls;
  Carried buffered, shadowed;

  void collect(LongestCalls& longest) {
    for (CallSource& source : calls) source.collect(plugin, route, longest);
    if (of_hooks == nullptr) return;
    const std::array<std::string_view, 2> labels{plugin, route};
    buffered.add(static_cast<double>(buffered.gain(of_hooks->buffered_bytes)), hook_families().buffered, labels);
    shadowed.add(static_cast<double>(shadowed.gain(of_hooks->shadowed)), hook_families().shadowed, labels);
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
      for (auto* source : all_) source->collect(longest_);
    });
  }
  void add(HookPublication::Source& source) {
    std::lock_guard lock(mutex_);
    all_.push_back(&source);
  }
  void remove(HookPublication::Source& source) {
    std::lock_guard lock(mutex_);
    source.collect(longest_);
    std::erase(all_, &source);
  }

 private:
  std::mutex mutex_;
  std::vector<HookPublication::Source*> all_;
  LongestCalls longest_;
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

HookPublication::HookPublication(const CallCounters& callbacks, std::string_view plugin, std::string_view route)
    : source_(std::make_unique<Source>(callbacks, plugin, route)) {
  sources().add(*source_);
}

HookPublication::~HookPublication() { sources().remove(*source_); }

}  // namespace postern::proxy
