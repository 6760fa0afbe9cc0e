#include "server/worker.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "client/arrival.h"
#include "client/client_connection.h"
#include "exchange/exchange.h"

namespace postern::proxy {
namespace {

std::array<std::atomic<Worker*>, Worker::kMost> all_workers{};

constexpr std::uint64_t kAcceptAgainMs = 100;  // how often a full gateway looks whether there is room again
constexpr std::uint64_t kForeverMs = 3'600'000;

// During a reload a listener may be open that the plan of new exchanges does not know: one that comes, or one that goes.
const ListenerPlan* find_listener(Worker& worker, std::string_view name) noexcept {
  if (const auto* found = worker.plan()->plan().listener(name); found != nullptr) return found;
  const auto& plans = worker.plans();
  for (auto at = plans.rbegin(); at != plans.rend(); ++at)
    if (const auto* found = (*at)->plan().listener(name); found != nullptr) return found;
  return nullptr;
}

}  // namespace

// ---- WorkerPlan ------------------------------------------------------------------------------------------------------

WorkerPlan::WorkerPlan(Worker& worker, std::shared_ptr<const Plan> plan)
    : worker_(worker),
      plan_(std::move(plan)),
      upstreams_(worker.loop(), *plan_, worker.index(), worker.known_addresses()),
      counters_(plan_->links) {}

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

// The last exchange's or call's method may still be on the stack, so what follows waits until the stack is empty.
void WorkerPlan::unpin() {
  if (--pins_ == 0 && drained_) worker_.loop().defer([&worker = worker_, self = this] { worker.report_drained(self); });
}

void WorkerPlan::let_go() {
  if (--holds_ == 0 && forgotten_) worker_.loop().defer([&worker = worker_, self = this] { worker.drop(self); });
}

// ---- Worker ----------------------------------------------------------------------------------------------------------

Worker::Worker(std::uint32_t index, SharedState& shared)
    : index_(index), shared_(shared), exchanges_(index), connections_(index) {
  all_workers[index].store(this);
}

Worker::~Worker() {
  join();
  all_workers[index_].store(nullptr);
}

Worker* Worker::at(std::uint32_t index) noexcept { return index < kMost ? all_workers[index].load() : nullptr; }

void Worker::start() {
  thread_ = std::thread([this] {
    current_ = this;
    Metrics::become_worker(index_);
    keep_alive_ = net::Timer::start(loop_, kForeverMs, kForeverMs, [] {});
    loop_.run();
    current_ = nullptr;
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

WorkerPlan* Worker::plan_of(std::uint64_t generation) noexcept {
  for (auto& p : plans_)
    if (p->plan().generation == generation) return p.get();
  return nullptr;
}

bool Worker::has(const WorkerPlan* plan) const noexcept {
  return std::any_of(plans_.begin(), plans_.end(), [&](const auto& p) { return p.get() == plan; });
}

WorkerPlan& Worker::prepare(std::shared_ptr<const Plan> plan) {
  return *plans_.emplace_back(std::make_unique<WorkerPlan>(*this, std::move(plan)));
}

void Worker::adopt(std::shared_ptr<const Plan> plan, std::function<void()> drained) {
  WorkerPlan* next = plan_of(plan->generation);
  if (next == nullptr) next = &prepare(std::move(plan));
  auto* before = std::exchange(plan_, next);
  if (before == nullptr) return drained();
  retire(*before, std::move(drained));
}

void Worker::retire_plan(std::function<void()> drained) {
  if (plan_ == nullptr) return drained();
  retire(*std::exchange(plan_, nullptr), std::move(drained));
}

void Worker::retire(WorkerPlan& plan, std::function<void()> drained) {
  plan.tunnels().reloaded();
  plan.drained_ = std::move(drained);
  plan.pin();  // unpin decides whether it was the last
  plan.unpin();
}

void Worker::report_drained(WorkerPlan* plan) {
  if (!has(plan) || plan->pins() > 0) return;
  if (auto drained = std::exchange(plan->drained_, nullptr)) drained();
}

void Worker::forget(std::uint64_t generation, std::function<void()> forgotten) {
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

void Worker::drop(WorkerPlan* plan) {
  if (!has(plan) || plan->holds_ > 0) return;
  auto forgotten = std::move(plan->forgotten_);
  std::erase_if(plans_, [&](const auto& p) { return p.get() == plan; });
  loop_.post(std::move(forgotten));
}

Result<net::Address> Worker::listen(const std::string& name, const std::string& configured,
                                    const net::Address& address) {
  std::string_view kept = *listener_names_.insert(name).first;
  auto listener = net::Listener::open(
      loop_, address, [this, kept](std::unique_ptr<net::Stream> stream) { accept(kept, std::move(stream)); });
  if (!listener) return fail(listener.error());
  listeners_.push_back({name, configured, std::move(*listener)});
  return listeners_.back().listener->address();
}

// Connections that came through it end after their current exchange, unless another listener has taken over the name.
void Worker::unlisten(const std::string& name, const std::string& configured) {
  std::erase_if(listeners_, [&](const Listening& l) { return l.name == name && l.configured == configured; });
  if (listens(name)) return;
  for (std::size_t i = live_.size(); i-- > 0;)
    if (live_[i]->listener_name() == name) live_[i]->drain();
}

bool Worker::listens(std::string_view name) const noexcept {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const Listening& l) { return l.name == name; });
}

void Worker::accept(std::string_view listener, std::unique_ptr<net::Stream> stream) {
  if (plan_ == nullptr || draining_) return;
  const ListenerPlan* plan = find_listener(*this, listener);
  if (plan == nullptr) return;  // nobody knows whether to speak TLS with it
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  numbers_.connections.add(1);
  numbers_.connections_total.add(1);
  if (Arrival::needed(*plan)) {
    auto& arrival = arrivals_.emplace_back(std::make_unique<Arrival>(*this, listener));
    arrival->index = arrivals_.size() - 1;
    arrival->start(*plan, std::move(stream));
  } else {
    serve(listener, std::move(stream));
  }
  heed_connection_limit();
}

ClientConnection& Worker::serve(std::string_view listener, std::unique_ptr<net::Stream> stream) {
  auto connection = std::make_unique<ClientConnection>(*this, listener, std::move(stream));
  ClientConnection& raw = *connection;
  raw.index = live_.size();
  live_.push_back(std::move(connection));
  raw.start();
  return raw;
}

// What has begun to drain meanwhile serves the request that has brought the client here, and ends then.
void Worker::admit(Arrival& arrival, std::unique_ptr<net::Stream> stream) {
  std::string_view listener = arrival.listener_name();
  bury(arrivals_, arrival);
  if (plan_ == nullptr) return count_out();
  ClientConnection& connection = serve(listener, std::move(stream));
  if (draining_ || !listens(listener)) connection.drain();
}

void Worker::remove(Arrival& arrival) {
  bury(arrivals_, arrival);
  count_out();
}

void Worker::remove(ClientConnection& connection) {
  bury(live_, connection);
  count_out();
}

// From its list to the deferred deletes.
template <class T>
void Worker::bury(std::vector<std::unique_ptr<T>>& list, T& one) {
  std::size_t at = one.index;
  loop_.defer_delete(std::move(list[at]));
  if (at + 1 != list.size()) {
    list[at] = std::move(list.back());
    list[at]->index = at;
  }
  list.pop_back();
}

void Worker::count_out() {
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
  numbers_.connections.add(-1);
  check_drained();
}

// At the limit connections wait in the kernel's backlog instead of being refused; when that is full, clients are.
void Worker::heed_connection_limit() {
  bool full = shared_.connections.load(std::memory_order_relaxed) >= plan_->plan().config->limits.connections;
  if (full == (accept_again_ != nullptr)) return;
  for (auto& l : listeners_) full ? l.listener->pause() : l.listener->resume();
  if (!full) return accept_again_.reset();
  logger("server").write(LogLevel::warn, "the connection limit is reached: accepting pauses");
  accept_again_ = net::Timer::start(loop_, kAcceptAgainMs, kAcceptAgainMs, [this] { heed_connection_limit(); });
}

void Worker::stop_accepting() {
  accept_again_.reset();
  listeners_.clear();
}

void Worker::drain(std::function<void()> done) {
  draining_ = true;
  drain_done_ = std::move(done);
  stop_accepting();
  for (std::size_t i = live_.size(); i-- > 0;) live_[i]->drain();
  check_drained();
}

// Still a connection to its client, and to the limit.
void Worker::linger(std::unique_ptr<net::Stream> stream) {
  ++lingering_;
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  net::linger_close(std::move(stream), loop_, [this] {
    --lingering_;
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    check_drained();
  });
}

void Worker::check_drained() {
  if (!draining_ || !live_.empty() || !arrivals_.empty() || (lingering_ > 0 && !aborted_) || !drain_done_) return;
  loop_.defer(std::exchange(drain_done_, nullptr));
}

void Worker::abort_connections() {
  aborted_ = true;
  while (!arrivals_.empty()) arrivals_.back()->abort();
  while (!live_.empty()) live_.back()->abort(POSTERN_END_SHUTDOWN);  // one may take others with it
  check_drained();
}

void Worker::stop() {
  stop_accepting();
  keep_alive_.reset();
  loop_.stop();
}

}  // namespace postern::proxy
