#include "control/lag_watch.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "base/clock.h"
#include "base/coarse_ticks.h"
#include "base/log.h"
#include "base/metrics.h"

namespace postern::control {
namespace {

constexpr std::uint32_t kTicksBetweenProbes = 25;  // half a second
constexpr std::uint64_t kStandsStillNs = 1'000'000'000;

std::uint64_t now_ns() noexcept { return system_clock().now_ns(); }

Metrics::FamilyId lag_family() {
  static const Metrics::FamilyId family =
      metrics().gauges("postern_worker_loop_lag_seconds",
                       "How long the latest task waited for its worker's loop, or waits by now.", {"worker"}, 0);
  return family;
}

}  // namespace

// One task on its way to a worker, again and again.
struct LagWatch::Probe {
  std::atomic<std::uint64_t> sent_ns{0};  // 0: it has come back
  std::atomic<std::uint64_t> lag_ns{0};   // of the latest that has
  bool warned = false;                    // about this one
  Metrics::Series series = 0;

  std::uint64_t waits_ns() const noexcept {
    const std::uint64_t sent = sent_ns.load(std::memory_order_relaxed);
    return sent != 0 ? now_ns() - sent : 0;
  }
  void collect() const {
    const auto ns = std::max(lag_ns.load(std::memory_order_relaxed), waits_ns());
    metrics().set(series, static_cast<double>(ns) / 1e9);
  }
};

LagWatch::LagWatch(net::Loop& loop, const std::vector<std::unique_ptr<proxy::Worker>>& workers) : workers_(workers) {
  for (const auto& worker : workers) {
    probes_.push_back(std::make_shared<Probe>());
    probes_.back()->series = metrics().series(lag_family(), {std::to_string(worker->index())});
  }
  collector_ = metrics().add_collector([this] {
    for (const auto& probe : probes_) probe->collect();
  });
  timer_ = net::Timer::start(
      loop, kCoarseTickMs, kCoarseTickMs, [this] { tick(); }, /*background=*/true);
}

LagWatch::~LagWatch() { metrics().remove_collector(collector_); }

void LagWatch::tick() {
  coarse_ticks.fetch_add(1, std::memory_order_relaxed);
  if (++ticks_ % kTicksBetweenProbes == 0) probe_all();
}

void LagWatch::probe_all() {
  for (std::size_t i = 0; i < probes_.size(); ++i) probe(*workers_[i], probes_[i]);
}

void LagWatch::probe(proxy::Worker& worker, const std::shared_ptr<Probe>& probe) {
  if (const std::uint64_t waits_ns = probe->waits_ns(); waits_ns != 0) {
    if (waits_ns < kStandsStillNs || probe->warned) return;
    probe->warned = true;
    logger("control").write(LogLevel::warn, "a worker stands still: its loop does not come back from what it runs",
                            {{"worker", worker.index()}, {"for_ms", waits_ns / 1'000'000}});
    return;
  }
  probe->warned = false;
  probe->sent_ns.store(now_ns(), std::memory_order_relaxed);
  worker.loop().post([probe] {
    probe->lag_ns.store(probe->waits_ns(), std::memory_order_relaxed);
    probe->sent_ns.store(0, std::memory_order_relaxed);
  });
}

}  // namespace postern::control
