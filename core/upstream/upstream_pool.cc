#include "upstream/upstream_pool.h"

#include <postern/abi.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "config/config.h"
#include "plan/plan.h"
#include "upstream/upstream_connection.h"

namespace postern::proxy {

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
  std::unique_ptr<net::TlsHandshake> handshake;
  PoolWaiter* waiter = nullptr;  // whom the connection introduces, while it waits
  std::uint64_t started_ns = 0;
};

void PoolWaiter::leave() noexcept { pool_->dequeue(*this); }

void PoolWaiter::on_wait_over(void* self) {
  auto* waiter = static_cast<PoolWaiter*>(self);
  if (waiter->pool_ == nullptr) return;
  std::string text = "no free connection to " + waiter->pool_->address().text() + " in time";
  waiter->leave_queue();
  waiter->on_pool_failure(POSTERN_OUTCOME_OVERLOADED, Error::upstream(ErrorCode::service_unavailable, std::move(text)));
}

namespace {

std::string host_in(std::string_view target) {
  auto address = net::parse_address(target);
  return address && address->kind != net::Address::Kind::unix_path ? address->host : std::string();
}

Error handshake_error(const net::TlsFailure& failure) {
  bool certificate = failure.reason == net::TlsFailure::Reason::certificate;
  std::string what = certificate ? "its certificate is not trusted: " : "TLS handshake: ";
  return Error::upstream(ErrorCode::proxy_error, what + failure.text);
}

}  // namespace

UpstreamPool::UpstreamPool(UpstreamContext& context, net::Address address, const UpstreamPlan& plan,
                           std::string_view target)
    : context_(context),
      address_(std::move(address)),
      config_(plan.config),
      tls_(plan.tls.get()),
      tls_host_(host_in(target)),
      tls_sessions_(tls_ != nullptr ? net::TlsHandshake::new_slot() : nullptr),
      metrics_(config_.name, address_.text()) {
  if (config_.protocol == config::Protocol::h2) streams_each_ = static_cast<std::size_t>(config_.pool.max_streams);
}

UpstreamPool::~UpstreamPool() {
  while (first_ != nullptr) dequeue(*first_);
}

UpstreamConnection* UpstreamPool::take() {
  if (with_room_.empty()) return nullptr;
  auto* connection = with_room_.back();
  if (std::exchange(connection->counted_idle, false)) --idle_;
  if (connection->room() == 1) {
    with_room_.pop_back();
    connection->listed = false;
  }
  metrics_.idle(idle_);
  return connection;
}

// One that only finishes what it has must not keep out its successor, however long its last stream lasts.
bool UpstreamPool::may_connect() const noexcept {
  return open() - leaving_ < static_cast<std::size_t>(config_.pool.max_connections);
}

bool UpstreamPool::wait(PoolWaiter& waiter) {
  // One that counts on a connection in the making waits for that, not in the queue; the queue's own patience begins after
  // it.
  bool spare = coming() > waiting_;
  bool more = may_connect();
  std::size_t queue = waiting_ - std::min(waiting_, coming());
  if (!spare && !more && queue >= static_cast<std::size_t>(config_.pool.max_waiting)) return false;
  enqueue(waiter);
  auto patience = static_cast<std::uint64_t>(config_.pool.max_wait);
  if (!spare && more) connect();
  if (waiting_ <= coming()) patience += static_cast<std::uint64_t>(config_.timeouts.connect);
  context_.loop.arm(waiter.wait_deadline_, patience);
  return true;
}

void UpstreamPool::connect() {
  auto attempt = std::make_unique<Connecting>(*this);
  Connecting* raw = attempt.get();
  connecting_.push_back(std::move(attempt));
  show_metrics();
  if (introduces()) raw->waiter = next_to_introduce();
  if (raw->waiter != nullptr) raw->waiter->introduced_ = true;
  raw->started_ns = system_clock().now_ns();
  context_.loop.arm(raw->deadline, static_cast<std::uint64_t>(config_.timeouts.connect));
  raw->connector = net::Connector::start(context_.loop, address_, [raw](Result<std::unique_ptr<net::Stream>> r) {
    raw->pool.on_socket(*raw, std::move(r));
  });
}

void UpstreamPool::on_socket(Connecting& attempt, Result<std::unique_ptr<net::Stream>> socket) {
  if (socket && attempt.waiter != nullptr) (*socket)->append(attempt.waiter->introduction());
  if (!socket || tls_ == nullptr) return on_connected(attempt, std::move(socket));
  auto done = [&attempt](net::TlsHandshake::Outcome outcome) {
    bool h2 = attempt.pool.config_.protocol == config::Protocol::h2;
    if (outcome && h2 && (*outcome)->tls()->alpn != "h2")
      return attempt.pool.on_connected(
          attempt, fail(Error::upstream(ErrorCode::proxy_error, "TLS handshake: it does not agree on HTTP/2")));
    if (outcome) return attempt.pool.on_connected(attempt, std::move(*outcome));
    attempt.pool.on_connected(attempt, fail(handshake_error(outcome.error())));
  };
  attempt.handshake = net::TlsHandshake::connect(context_.loop, std::move(*socket), tls_->current(), tls_host_,
                                                 tls_sessions_, std::move(done));
}

void UpstreamPool::on_connected(Connecting& attempt, Result<std::unique_ptr<net::Stream>> result) {
  auto at = std::find_if(connecting_.begin(), connecting_.end(), [&](auto& c) { return c.get() == &attempt; });
  std::uint64_t took = std::max<std::uint64_t>(system_clock().now_ns() - attempt.started_ns, 1);
  attempt.deadline.cancel();
  context_.loop.defer_delete(std::move(*at));
  connecting_.erase(at);
  show_metrics();
  if (introduces()) return on_introduced(attempt.waiter, std::move(result), took);
  if (!result) {
    fail_waiters(cannot_connect(result.error()));
    return serve_queue();
  }
  on_room(add(std::move(*result), took));
}

UpstreamConnection& UpstreamPool::add(std::unique_ptr<net::Stream> stream, std::uint64_t took_ns) {
  auto connection = make_upstream_connection(*this, std::move(stream), took_ns);
  connection->index = connections_.size();
  if (connection->counted_unsettled) ++unsettled_;
  connections_.push_back(std::move(connection));
  show_metrics();
  return *connections_.back();
}

Error UpstreamPool::cannot_connect(const Error& error) const {
  return Error::upstream(ErrorCode::proxy_error, "cannot connect to " + address_.text() + ": " + error.text);
}

// ---- Connections that introduce a client (PROXY protocol) ----------------------------------------------------------------

bool UpstreamPool::introduces() const noexcept { return config_.proxy_protocol != config::ProxyHeader::none; }

PoolWaiter* UpstreamPool::next_to_introduce() noexcept {
  PoolWaiter* waiter = first_;
  while (waiter != nullptr && waiter->introduced_) waiter = waiter->next_;
  return waiter;
}

// An introduced connection serves only the waiter that it was opened for, which may have gone meanwhile.
void UpstreamPool::on_introduced(PoolWaiter* waiter, Result<std::unique_ptr<net::Stream>> result,
                                 std::uint64_t took_ns) {
  if (waiter == nullptr) return serve_queue();
  dequeue(*waiter);
  if (result) return waiter->on_pool_connection(add(std::move(*result), took_ns));
  waiter->on_pool_failure(POSTERN_OUTCOME_CONNECT_FAILED, cannot_connect(result.error()));
  serve_queue();
}

// Those who counted on the connection that failed.
void UpstreamPool::fail_waiters(const Error& error) {
  std::size_t others = std::min(waiting_, coming());
  std::size_t count = std::min(std::max<std::size_t>(waiting_ - others, 1), streams_each_);
  for (; count > 0 && first_ != nullptr; --count) {
    PoolWaiter* waiter = first_;
    dequeue(*waiter);
    waiter->on_pool_failure(POSTERN_OUTCOME_CONNECT_FAILED, error);
  }
}

void UpstreamPool::on_room(UpstreamConnection& connection) {
  if (introduces()) return connection.close();
  while (first_ != nullptr && connection.room() > 0) {
    PoolWaiter* waiter = first_;
    dequeue(*waiter);
    waiter->on_pool_connection(connection);
  }
  if (retired_ && connection.idle()) return connection.close();
  file(connection);
  if (connection.leaving()) serve_queue();
}

// Keeps what the pool notes of a connection in step with it.
void UpstreamPool::file(UpstreamConnection& connection) {
  bool has_room = connection.room() > 0;
  if (has_room && !connection.listed) with_room_.push_back(&connection);
  if (!has_room && connection.listed) std::erase(with_room_, &connection);
  connection.listed = has_room;
  bool leaving = connection.leaving();
  if (leaving && !std::exchange(connection.counted_leaving, true)) ++leaving_;
  if (!leaving && std::exchange(connection.counted_leaving, false)) --leaving_;  // it takes streams again
  if (leaving && std::exchange(connection.counted_unsettled, false)) --unsettled_;
  if (!connection.idle() && std::exchange(connection.counted_idle, false)) --idle_;
  if (connection.idle() && has_room && !connection.counted_idle) {
    connection.counted_idle = true;
    ++idle_;
    connection.set_idle(static_cast<std::uint64_t>(config_.timeouts.idle));
  }
  metrics_.idle(idle_);
}

void UpstreamPool::on_settled(UpstreamConnection& connection, std::uint32_t most_streams) {
  streams_each_ = std::max<std::size_t>(most_streams, 1);
  if (std::exchange(connection.counted_unsettled, false)) --unsettled_;
  on_room(connection);
  serve_queue();
}

void UpstreamPool::remove(UpstreamConnection& connection) {
  if (connection.listed) std::erase(with_room_, &connection);
  if (connection.counted_idle) --idle_;
  if (connection.counted_unsettled) --unsettled_;
  if (connection.counted_leaving) --leaving_;
  connection.listed = connection.counted_idle = connection.counted_unsettled = connection.counted_leaving = false;
  std::size_t at = connection.index;
  context_.loop.defer_delete(std::move(connections_[at]));
  if (at + 1 != connections_.size()) {
    connections_[at] = std::move(connections_.back());
    connections_[at]->index = at;
  }
  connections_.pop_back();
  show_metrics();
  serve_queue();
}

// Whoever still waits gets another connection as soon as the limit allows.
void UpstreamPool::serve_queue() {
  while (waiting_ > coming() && may_connect()) connect();
}

void UpstreamPool::retire() {
  retired_ = true;
  for (std::size_t i = connections_.size(); i-- > 0;)
    if (connections_[i]->idle()) connections_[i]->close();
}

void UpstreamPool::enqueue(PoolWaiter& waiter) noexcept {
  waiter.pool_ = this;
  waiter.previous_ = last_;
  waiter.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
  ++waiting_;
  show_metrics();
}

void UpstreamPool::dequeue(PoolWaiter& waiter) noexcept {
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : last_) = waiter.previous_;
  if (std::exchange(waiter.introduced_, false)) {
    for (auto& attempt : connecting_)
      if (attempt->waiter == &waiter) attempt->waiter = nullptr;
  }
  waiter.pool_ = nullptr;
  waiter.next_ = waiter.previous_ = nullptr;
  waiter.wait_deadline_.cancel();
  --waiting_;
  show_metrics();
}

}  // namespace postern::proxy
