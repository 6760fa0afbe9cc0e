#include "server/worker.h"

#include <algorithm>
#include <utility>

#include "base/alternate_stack.h"
#include "base/log.h"
#include "client/arrival.h"
#include "client/client_connection.h"
#include "exchange/exchange.h"

namespace postern::proxy {
namespace {

constexpr std::uint64_t kAcceptAgainMs = 100;  // how often a full gateway looks whether there is room again
constexpr std::uint64_t kForeverMs = 3'600'000;

// During a reload a listener may be open that the plan of new exchanges does not know: one that comes, or one that goes.
const ListenerPlan* find_listener(WorkerContext& worker, std::string_view name) noexcept {
  if (const auto* found = worker.plan()->plan().listener(name); found != nullptr) return found;
  const auto& plans = worker.plans();
  for (auto at = plans.rbegin(); at != plans.rend(); ++at)
    if (const auto* found = (*at)->plan().listener(name); found != nullptr) return found;
  return nullptr;
}

}  // namespace

Worker::Worker(std::uint32_t index, SharedState& shared) : WorkerContext(index, shared) {}

Worker::~Worker() { join(); }

void Worker::start() {
  thread_ = std::thread([this] {
    const AlternateStack signal_stack;
    enter_thread();
    Metrics::become_worker(index());
    keep_alive_ = net::Timer::start(loop(), kForeverMs, kForeverMs, [] {});
    loop().run();
    leave_thread();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

Result<net::Address> Worker::listen(const std::string& name, const std::string& configured,
                                    const net::Address& address) {
  std::string_view kept = *listener_names_.insert(name).first;
  auto listener = net::Listener::open(
      loop(), address, [this, kept](std::unique_ptr<net::Stream> stream) { accept(kept, std::move(stream)); });
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
  if (plan() == nullptr || draining_) return;
  const ListenerPlan* listening = find_listener(*this, listener);
  if (listening == nullptr) return;  // nobody knows whether to speak TLS with it
  shared().connections.fetch_add(1, std::memory_order_relaxed);
  metrics().connections.add(1);
  metrics().connections_total.add(1);
  if (Arrival::needed(*listening)) {
    auto& arrival = arrivals_.emplace_back(std::make_unique<Arrival>(*this, keeper(), listener));
    arrival->index = arrivals_.size() - 1;
    arrival->start(*listening, std::move(stream));
  } else {
    serve(listener, std::move(stream));
  }
  check_connection_limit();
}

ClientConnection& Worker::serve(std::string_view listener, std::unique_ptr<net::Stream> stream) {
  auto connection = std::make_unique<ClientConnection>(*this, keeper(), listener, std::move(stream));
  ClientConnection& raw = *connection;
  raw.index = live_.size();
  live_.push_back(std::move(connection));
  raw.start();
  return raw;
}

// What has begun to drain meanwhile serves the request that has brought the client here, and ends then.
void Worker::admit(Arrival& arrival, std::unique_ptr<net::Stream> stream) {
  std::string_view listener = arrival.listener_name();
  retire_from(arrivals_, arrival);
  if (plan() == nullptr) return count_out();
  ClientConnection& connection = serve(listener, std::move(stream));
  if (draining_ || !listens(listener)) connection.drain();
}

void Worker::remove(Arrival& arrival) {
  retire_from(arrivals_, arrival);
  count_out();
}

void Worker::remove(ClientConnection& connection) {
  retire_from(live_, connection);
  count_out();
}

// From its list to the deferred deletes.
template <class T>
void Worker::retire_from(std::vector<std::unique_ptr<T>>& list, T& one) {
  std::size_t at = one.index;
  loop().defer_delete(std::move(list[at]));
  if (at + 1 != list.size()) {
    list[at] = std::move(list.back());
    list[at]->index = at;
  }
  list.pop_back();
}

void Worker::count_out() {
  shared().connections.fetch_sub(1, std::memory_order_relaxed);
  metrics().connections.add(-1);
  check_drained();
}

// At the limit connections wait in the kernel's backlog instead of being refused; when that is full, clients are.
void Worker::check_connection_limit() {
  bool full = shared().connections.load(std::memory_order_relaxed) >= plan()->plan().config->limits.connections;
  if (full == (accept_again_ != nullptr)) return;
  for (auto& l : listeners_) full ? l.listener->pause() : l.listener->resume();
  if (!full) return accept_again_.reset();
  logger("server").write(LogLevel::warn, "the connection limit is reached: accepting pauses");
  accept_again_ = net::Timer::start(loop(), kAcceptAgainMs, kAcceptAgainMs, [this] { check_connection_limit(); });
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
  shared().connections.fetch_add(1, std::memory_order_relaxed);
  net::linger_close(std::move(stream), loop(), [this] {
    --lingering_;
    shared().connections.fetch_sub(1, std::memory_order_relaxed);
    check_drained();
  });
}

void Worker::check_drained() {
  if (!draining_ || !live_.empty() || !arrivals_.empty() || (lingering_ > 0 && !aborted_) || !drain_done_) return;
  loop().defer(std::exchange(drain_done_, nullptr));
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
  loop().stop();
}

}  // namespace postern::proxy
