#include "exchange/worker_plan.h"

#include <utility>

#include "exchange/worker_context.h"

namespace postern::proxy {

WorkerPlan::WorkerPlan(WorkerContext& worker, std::shared_ptr<const Plan> plan)
    : worker_(worker), plan_(std::move(plan)), upstreams_(worker.upstream_context(), *plan_), counters_(plan_->links) {}

WorkerPlan::~WorkerPlan() {
  published_.clear();  // reads the counters once more
  for (auto& c : counters_) delete c.load(std::memory_order_relaxed);
}

HookCounters& WorkerPlan::make_counters(const Link& link) {
  auto* made = new HookCounters();
  published_.push_back(std::make_unique<HookPublication>(*made, *plan_, link));
  counters_[link.number].store(made, std::memory_order_release);
  return *made;
}

bool WorkerPlan::account_body(const Link* link, std::int64_t bytes) {
  std::int64_t& total = worker_.buffered_bytes();
  if (link != nullptr && total + bytes > plan_->config->limits.body_buffer_total) return false;
  total += bytes;
  if (link != nullptr) counters(*link).buffered_bytes.add(static_cast<std::uint64_t>(bytes));
  return true;
}

// The last exchange's or call's method may still be on the stack, so what follows waits until the stack is empty.
void WorkerPlan::unpin() {
  if (--pins_ == 0 && drained_) worker_.loop().defer([&worker = worker_, self = this] { worker.report_drained(self); });
}

void WorkerPlan::let_go() {
  if (--holds_ == 0 && forgotten_) worker_.loop().defer([&worker = worker_, self = this] { worker.drop(self); });
}

}  // namespace postern::proxy
