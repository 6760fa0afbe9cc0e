#include "server/upstream_pool.h"

#include <postern/abi.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "config/config.h"
#include "server/upstream_connection.h"

namespace postern::server {

// A connection in the making, and how long it may take.
struct UpstreamPool::Connecting : net::Deferred {
  explicit Connecting(UpstreamPool& p) : pool(p), deadline(&Connecting::on_deadline, this) {}
  static void on_deadline(void* self) {
    auto* c = static_cast<Connecting*>(self);
    c->pool.on_connected(*c, fail(Error::upstream(ErrorCode::proxy_error, "connecting took too long")));
  }
  UpstreamPool& pool;
  Deadline deadline;
  std::unique_ptr<net::Connector> connector;
  std::uint64_t started_ns = 0;
};

void PoolWaiter::leave_queue() noexcept {
  if (pool_ != nullptr) pool_->dequeue(*this);
}

void PoolWaiter::on_wait_over(void* self) {
  auto* waiter = static_cast<PoolWaiter*>(self);
  if (waiter->pool_ == nullptr) return;
  std::string text = "no free connection to " + waiter->pool_->address().text() + " in time";
  waiter->leave_queue();
  waiter->on_pool_failure(POSTERN_OUTCOME_OVERLOADED, Error::upstream(ErrorCode::service_unavailable, std::move(text)));
}

UpstreamPool::UpstreamPool(net::Loop& loop, net::Address address, const config::Upstream& config)
    : loop_(loop), address_(std::move(address)), config_(config), metrics_(config.name, address_.text()) {}

UpstreamPool::~UpstreamPool() {
  while (first_ != nullptr) dequeue(*first_);
}

UpstreamConnection* UpstreamPool::take_idle() {
  if (idle_.empty()) return nullptr;
  auto* connection = idle_.back();
  idle_.pop_back();
  show_numbers();
  return connection;
}

bool UpstreamPool::wait(PoolWaiter& waiter) {
  // One that has a connection in the making waits for that, not in the queue; the queue's own patience begins after it.
  bool spare = connecting_.size() > waiting_;
  bool may_connect = open() < static_cast<std::size_t>(config_.pool.max_connections);
  std::size_t queue = waiting_ - std::min(waiting_, connecting_.size());
  if (!spare && !may_connect && queue >= static_cast<std::size_t>(config_.pool.max_waiting)) return false;
  enqueue(waiter);
  auto patience = static_cast<std::uint64_t>(config_.pool.max_wait);
  if (!spare && may_connect) connect();
  if (waiting_ <= connecting_.size()) patience += static_cast<std::uint64_t>(config_.timeouts.connect);
  loop_.arm(waiter.wait_deadline_, patience);
  return true;
}

void UpstreamPool::connect() {
  auto attempt = std::make_unique<Connecting>(*this);
  Connecting* raw = attempt.get();
  connecting_.push_back(std::move(attempt));
  show_numbers();
  raw->started_ns = system_clock().now_ns();
  loop_.arm(raw->deadline, static_cast<std::uint64_t>(config_.timeouts.connect));
  raw->connector = net::Connector::start(
      loop_, address_, [raw](Result<std::unique_ptr<net::Stream>> r) { raw->pool.on_connected(*raw, std::move(r)); });
}

void UpstreamPool::on_connected(Connecting& attempt, Result<std::unique_ptr<net::Stream>> result) {
  auto at = std::find_if(connecting_.begin(), connecting_.end(), [&](auto& c) { return c.get() == &attempt; });
  std::uint64_t took = system_clock().now_ns() - attempt.started_ns;
  attempt.deadline.cancel();
  loop_.defer_delete(std::move(*at));
  connecting_.erase(at);
  show_numbers();
  if (!result) {
    if (PoolWaiter* waiter = first_; waiter != nullptr) {
      dequeue(*waiter);
      auto error =
          Error::upstream(ErrorCode::proxy_error, "cannot connect to " + address_.text() + ": " + result.error().text);
      waiter->on_pool_failure(POSTERN_OUTCOME_CONNECT_FAILED, error);
    }
    return serve_queue();
  }
  auto connection = std::make_unique<UpstreamConnection>(*this, std::move(*result), std::max<std::uint64_t>(took, 1));
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
  show_numbers();
  give_back(*connections_.back());
}

void UpstreamPool::give_back(UpstreamConnection& connection) {
  if (retired_ && first_ == nullptr) return connection.discard();
  if (PoolWaiter* waiter = first_; waiter != nullptr) {
    dequeue(*waiter);
    return waiter->on_pool_connection(connection);
  }
  idle_.push_back(&connection);
  show_numbers();
  connection.set_idle(static_cast<std::uint64_t>(config_.timeouts.idle));
}

void UpstreamPool::discard(UpstreamConnection& connection) {
  std::erase(idle_, &connection);
  std::size_t at = connection.index;
  loop_.defer_delete(std::move(connections_[at]));
  if (at + 1 != connections_.size()) {
    connections_[at] = std::move(connections_.back());
    connections_[at]->index = at;
  }
  connections_.pop_back();
  show_numbers();
  serve_queue();
}

// Whoever still waits gets a connection of its own as soon as the limit allows.
void UpstreamPool::serve_queue() {
  while (waiting_ > connecting_.size() && open() < static_cast<std::size_t>(config_.pool.max_connections)) connect();
}

void UpstreamPool::retire() {
  retired_ = true;
  while (!idle_.empty()) idle_.back()->discard();
}

void UpstreamPool::enqueue(PoolWaiter& waiter) noexcept {
  waiter.pool_ = this;
  waiter.previous_ = last_;
  waiter.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
  ++waiting_;
  show_numbers();
}

void UpstreamPool::dequeue(PoolWaiter& waiter) noexcept {
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : last_) = waiter.previous_;
  waiter.pool_ = nullptr;
  waiter.next_ = waiter.previous_ = nullptr;
  waiter.wait_deadline_.cancel();
  --waiting_;
  show_numbers();
}

}  // namespace postern::server
