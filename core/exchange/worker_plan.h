// What a worker has of one generation: the shared plan, its own pools and counters. Made before the generation's instances
// start here; gone after they have stopped.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "exchange/hook_metrics.h"
#include "exchange/tunnel.h"
#include "plan/hook_counters.h"
#include "plan/plan.h"
#include "upstream/upstream_set.h"

namespace postern::proxy {

class WorkerContext;

class WorkerPlan {
 public:
  WorkerPlan(WorkerContext& worker, std::shared_ptr<const Plan> plan);
  WorkerPlan(const WorkerPlan&) = delete;
  WorkerPlan& operator=(const WorkerPlan&) = delete;
  ~WorkerPlan();

  const Plan& plan() const noexcept { return *plan_; }
  UpstreamSet& upstreams() noexcept { return upstreams_; }
  TunnelList& tunnels() noexcept { return tunnels_; }
  HookCounters& counters(const Link& link) {
    HookCounters* c = counters_[link.number].load(std::memory_order_relaxed);
    return c != nullptr ? *c : make_counters(link);
  }
  // Accounts bytes of bodies that wait in memory (negative: they are let go). False: limits.body_buffer_total is used up and
  // `link` may not buffer more; never without a link.
  bool account_body(const Link* link, std::int64_t bytes);
  // [any thread] Null when the link has never run on this worker.
  const HookCounters* counters_of(std::uint32_t link) const noexcept {
    return counters_[link].load(std::memory_order_acquire);
  }

  // Exchanges pin it.
  void pin() noexcept { ++pins_; }
  void unpin();  // the last one of a retired generation reports it drained
  std::uint64_t pins() const noexcept { return pins_; }
  // Calls that plugins make hold it. They do not keep it from being drained: those still open then end with their instances.
  void hold() noexcept { ++holds_; }
  void let_go();

 private:
  friend class WorkerContext;
  HookCounters& make_counters(const Link& link);

  WorkerContext& worker_;
  std::shared_ptr<const Plan> plan_;
  UpstreamSet upstreams_;
  TunnelList tunnels_;
  std::vector<std::atomic<HookCounters*>> counters_;  // by Link::number; null until the link has run
  std::vector<std::unique_ptr<HookPublication>> published_;
  std::uint64_t pins_ = 0;
  std::uint64_t holds_ = 0;
  std::function<void()> drained_;    // set when retired
  std::function<void()> forgotten_;  // set by WorkerContext::forget
};

}  // namespace postern::proxy
