#include "plugin/instance.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"

namespace postern::plugin {
namespace {

postern_node_s view_of(const config::Node& node) {
  postern_node_s view;
  view.value = &node;
  view.children.reserve(node.items.size() + node.members.size());
  for (const auto& item : node.items) view.children.push_back(view_of(item));
  for (const auto& [key, value] : node.members) view.children.push_back(view_of(value));
  return view;
}

}  // namespace

void set_config(postern_instance instance, config::Node config) {
  instance->config = std::move(config);
  instance->root = view_of(instance->config);
}

std::string_view name_of(HandleKind kind) noexcept {
  constexpr std::string_view kNames[] = {"timer", "call", "task", "service", "post", "on_end callback"};
  static_assert(std::size(kNames) == kHandleKinds);
  return kNames[static_cast<std::size_t>(kind)];
}

// Sequentially consistent, like the counts of Pins: whoever pins first and then finds itself present is seen by those who
// look at the pins after it has left.
void Presence::enter(std::uint32_t worker) noexcept {
  if (worker / kWordBits < workers_.size()) workers_[worker / kWordBits].fetch_or(1ull << (worker % kWordBits));
}

void Presence::leave(std::uint32_t worker) noexcept {
  if (worker / kWordBits < workers_.size()) workers_[worker / kWordBits].fetch_and(~(1ull << (worker % kWordBits)));
}

bool Presence::on(std::uint32_t worker) const noexcept {
  return worker / kWordBits < workers_.size() && (workers_[worker / kWordBits].load() >> (worker % kWordBits) & 1) != 0;
}

bool Presence::anywhere() const noexcept {
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& word) { return word.load() != 0; });
}

void Pins::add(HandleKind kind) noexcept {
  auto& c = counts_[static_cast<std::size_t>(kind)];
  if (c.count.fetch_add(1) == 0) c.since_ms.store(system_clock().now_ms(), std::memory_order_relaxed);
}

void Pins::remove(HandleKind kind) noexcept { counts_[static_cast<std::size_t>(kind)].count.fetch_sub(1); }

std::uint64_t Pins::count(HandleKind kind) const noexcept {
  return counts_[static_cast<std::size_t>(kind)].count.load();
}

bool Pins::any() const noexcept {
  for (const auto& c : counts_)
    if (c.count.load() != 0) return true;
  return false;
}

std::uint64_t Pins::age_ms(HandleKind kind) const noexcept {
  if (count(kind) == 0) return 0;
  auto since = counts_[static_cast<std::size_t>(kind)].since_ms.load(std::memory_order_relaxed);
  auto now = system_clock().now_ms();
  return now > since ? now - since : 0;
}

void CallbackCounters::name(std::string_view instance, std::string_view scope) {
  constexpr std::string_view kRoutes = "routes/";
  instance_ = instance;
  if (scope.starts_with(kRoutes)) route_ = scope.substr(kRoutes.size());
}

proxy::CallCounters& CallbackCounters::make(std::uint32_t worker) {
  auto* made = new OfWorker(worker, instance_, route_);
  made->next = first_.load(std::memory_order_relaxed);
  while (!first_.compare_exchange_weak(made->next, made, std::memory_order_release, std::memory_order_relaxed)) {
  }
  return made->counters;
}

CallbackCounters::~CallbackCounters() {
  for (OfWorker* one = first_.load(std::memory_order_acquire); one != nullptr;) delete std::exchange(one, one->next);
}

void Readiness::begin() {
  std::lock_guard lock(mutex_);
  configuring_ = true;
  reported_ = false;
  outcome_ = {};
}

bool Readiness::wait(std::uint64_t timeout_ms, Outcome& outcome) {
  std::unique_lock lock(mutex_);
  bool in_time = changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return reported_; });
  configuring_ = false;
  if (in_time) outcome = outcome_;
  return in_time;
}

void Readiness::begin_worker(std::uint32_t worker, Done done) {
  std::lock_guard lock(mutex_);
  configuring_ = false;
  workers_[worker] = std::move(done);
}

void Readiness::end_worker(std::uint32_t worker) {
  std::lock_guard lock(mutex_);
  workers_.erase(worker);
}

void Readiness::report(std::uint32_t worker, Outcome outcome) {
  std::vector<Done> waiting;
  {
    std::lock_guard lock(mutex_);
    if (configuring_ && !reported_) {
      reported_ = true;
      outcome_ = outcome;
      changed_.notify_all();
    }
    for (auto at = workers_.begin(); at != workers_.end();) {
      bool meant = worker == POSTERN_EVERY_WORKER || at->first == worker;
      if (meant) waiting.push_back(std::move(at->second));
      at = meant ? workers_.erase(at) : std::next(at);
    }
  }
  for (auto& done : waiting) done(outcome);
}

}  // namespace postern::plugin
