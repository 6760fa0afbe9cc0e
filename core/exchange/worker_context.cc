#include "exchange/worker_context.h"

#include <algorithm>
#include <array>
#include <utility>

namespace postern::proxy {
namespace {

std::array<std::atomic<WorkerContext*>, WorkerContext::kMax> all_workers{};

}  // namespace

WorkerContext::WorkerContext(std::uint32_t index, SharedState& shared, Clock& clock)
    : index_(index),
      shared_(shared),
      loop_(clock),
      exchanges_(index),
      connections_(index),
      upstream_context_{.loop = loop_, .worker = index, .buffered_bytes = buffered_bytes_} {
  all_workers[index].store(this);
}

WorkerContext::~WorkerContext() {
  all_workers[index_].store(nullptr);
  resumptions_.forget_all();
}

WorkerContext* WorkerContext::at(std::uint32_t index) noexcept {
  return index < kMax ? all_workers[index].load() : nullptr;
}

WorkerPlan* WorkerContext::plan_of(std::uint64_t generation) noexcept {
  for (auto& p : plans_)
    if (p->plan().generation == generation) return p.get();
  return nullptr;
}

bool WorkerContext::has(const WorkerPlan* plan) const noexcept {
  return std::any_of(plans_.begin(), plans_.end(), [&](const auto& p) { return p.get() == plan; });
}

WorkerPlan& WorkerContext::prepare(std::shared_ptr<const Plan> plan) {
  return *plans_.emplace_back(std::make_unique<WorkerPlan>(*this, std::move(plan)));
}

void WorkerContext::adopt(std::shared_ptr<const Plan> plan, std::function<void()> drained) {
  WorkerPlan* next = plan_of(plan->generation);
  if (next == nullptr) next = &prepare(std::move(plan));
  auto* before = std::exchange(plan_, next);
  if (before == nullptr) return drained();
  retire(*before, std::move(drained));
}

void WorkerContext::retire_plan(std::function<void()> drained) {
  if (plan_ == nullptr) return drained();
  retire(*std::exchange(plan_, nullptr), std::move(drained));
}

void WorkerContext::retire(WorkerPlan& plan, std::function<void()> drained) {
  plan.tunnels().reloaded();
  plan.drained_ = std::move(drained);
  plan.pin();  // unpin decides whether it was the last
  plan.unpin();
}

void WorkerContext::report_drained(WorkerPlan* plan) {
  if (!has(plan) || plan->pins() > 0) return;
  if (auto drained = std::exchange(plan->drained_, nullptr)) drained();
}

void WorkerContext::forget(std::uint64_t generation, std::function<void()> forgotten) {
  WorkerPlan* plan = plan_of(generation);
  if (plan == nullptr) {
    loop_.post(std::move(forgotten));
    return;
  }
  plan->forgotten_ = std::move(forgotten);
  plan->upstreams_.retire();
  plan->hold();  // let_go decides whether it was the last
  plan->let_go();
}

void WorkerContext::drop(WorkerPlan* plan) {
  if (!has(plan) || plan->holds_ > 0) return;
  auto forgotten = std::move(plan->forgotten_);
  std::erase_if(plans_, [&](const auto& p) { return p.get() == plan; });
  loop_.post(std::move(forgotten));
}

}  // namespace postern::proxy
