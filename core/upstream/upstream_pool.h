// Connections of one worker to one endpoint: those with room for another stream, a limit, a bounded queue of those who
// wait.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline_wheel.h"
#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/proxy_protocol.h"
#include "net/stream.h"
#include "net/tls_handshake.h"
#include "upstream/endpoint_metrics.h"
#include "upstream/upstream_context.h"

namespace postern::config {
struct Upstream;
}

namespace postern::proxy {

class UpstreamConnection;
class UpstreamPool;
class Upstream;
struct UpstreamPlan;

// An attempt that waits for a connection with room. It leaves the queue when it is destroyed.
class PoolWaiter {
 public:
  PoolWaiter(const PoolWaiter&) = delete;
  PoolWaiter& operator=(const PoolWaiter&) = delete;
  virtual void on_pool_connection(UpstreamConnection& connection) = 0;
  virtual void on_pool_failure(std::uint32_t outcome, const Error& error) = 0;  // POSTERN_OUTCOME_*
  virtual std::string introduction() const = 0;  // where upstreams have proxy_protocol: its connection begins with this

 protected:
  PoolWaiter() noexcept : wait_deadline_(&PoolWaiter::on_wait_over, this) {}
  virtual ~PoolWaiter() { leave_queue(); }
  void leave_queue() noexcept {
    if (pool_ != nullptr) leave();
  }
  bool queued() const noexcept { return pool_ != nullptr; }

 private:
  friend class UpstreamPool;
  void leave() noexcept;
  static void on_wait_over(void* self);
  UpstreamPool* pool_ = nullptr;
  PoolWaiter* next_ = nullptr;
  PoolWaiter* previous_ = nullptr;
  bool introduced_ = false;  // a connection in the making is for this one alone
  Deadline wait_deadline_;
};

class UpstreamPool {
 public:
  // `plan` must outlive the pool. `target` is the address as configured: its host is what a certificate must be for.
  UpstreamPool(UpstreamContext& context, net::Address address, const UpstreamPlan& plan, std::string_view target);
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;
  ~UpstreamPool();

  // A connection with room (the most recently used), or null. The caller lends a stream of it before anything else.
  UpstreamConnection* take();
  // Opens a connection if the limit allows, else queues; the waiter hears later. False: the queue is full.
  bool wait(PoolWaiter& waiter);
  // The room of a connection has changed, or it became idle.
  void on_room(UpstreamConnection& connection);
  // How many streams the connection carries has become known. Those who wait count on that room before they open more.
  void on_settled(UpstreamConnection& connection, std::uint32_t most_streams);
  // A connection that cannot be used any more; makes room for another.
  void remove(UpstreamConnection& connection);
  void retire();  // closes what is idle now and everything else when it comes back

  const net::Address& address() const noexcept { return address_; }
  std::size_t open() const noexcept { return connections_.size() + connecting_.size(); }
  std::size_t idle() const noexcept { return idle_; }
  std::size_t waiting() const noexcept { return waiting_; }
  EndpointMetrics& metrics() noexcept { return metrics_; }
  net::Loop& loop() noexcept { return context_.loop; }
  UpstreamContext& context() noexcept { return context_; }
  const config::Upstream& config() const noexcept { return config_; }

 private:
  friend class PoolWaiter;
  struct Connecting;
  void connect();
  void on_socket(Connecting& attempt, Result<std::unique_ptr<net::Stream>> socket);
  void on_connected(Connecting& attempt, Result<std::unique_ptr<net::Stream>> result);
  void on_introduced(PoolWaiter* waiter, Result<std::unique_ptr<net::Stream>> result, std::uint64_t took_ns);
  UpstreamConnection& add(std::unique_ptr<net::Stream> stream, std::uint64_t took_ns);
  PoolWaiter* next_to_introduce() noexcept;
  bool introduces() const noexcept;
  Error cannot_connect(const Error& error) const;
  void fail_waiters(const Error& error);
  void serve_queue();
  // Streams that connections in the making will have.
  std::size_t coming() const noexcept { return (connecting_.size() + unsettled_) * streams_each_; }
  bool may_connect() const noexcept;
  void file(UpstreamConnection& connection);
  void enqueue(PoolWaiter& waiter) noexcept;
  void dequeue(PoolWaiter& waiter) noexcept;
  PoolWaiter* first() noexcept { return first_; }
  void show_metrics() noexcept { metrics_.pool(open(), idle(), waiting()); }

  UpstreamContext& context_;
  net::Address address_;
  const config::Upstream& config_;
  net::TlsClient* tls_;                                           // null: plaintext
  std::string tls_host_;                                          // empty: the target has no host name
  std::shared_ptr<net::TlsSessionSlot> tls_sessions_;             // shared with the connections, which bring new ones
  std::vector<std::unique_ptr<UpstreamConnection>> connections_;  // all that are open
  std::vector<UpstreamConnection*> with_room_;                    // most recently used last
  std::vector<std::unique_ptr<Connecting>> connecting_;
  PoolWaiter* first_ = nullptr;
  PoolWaiter* last_ = nullptr;
  std::size_t waiting_ = 0;
  std::size_t idle_ = 0;          // connections that lend no stream
  std::size_t unsettled_ = 0;     // connections that may turn out to have more room
  std::size_t leaving_ = 0;       // connections that only finish what they have
  std::size_t streams_each_ = 1;  // how many streams a connection is expected to carry
  bool retired_ = false;
  EndpointMetrics metrics_;
};

}  // namespace postern::proxy
