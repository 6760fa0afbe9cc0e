// Connections of one worker to one endpoint: idle ones for reuse, a limit, a bounded queue of those who wait.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/deadline_wheel.h"
#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/stream.h"
#include "server/server_metrics.h"

namespace postern::config {
struct Upstream;
}

namespace postern::server {

class UpstreamConnection;
class UpstreamPool;
class Upstream;

// Someone who waits for a connection. Leaves the queue when destroyed.
class PoolWaiter {
 public:
  PoolWaiter(const PoolWaiter&) = delete;
  PoolWaiter& operator=(const PoolWaiter&) = delete;
  virtual void on_pool_connection(UpstreamConnection& connection) = 0;
  virtual void on_pool_failure(std::uint32_t outcome, const Error& error) = 0;  // POSTERN_OUTCOME_*

 protected:
  PoolWaiter() noexcept : wait_deadline_(&PoolWaiter::on_wait_over, this) {}
  virtual ~PoolWaiter() { leave_queue(); }
  void leave_queue() noexcept;
  bool queued() const noexcept { return pool_ != nullptr; }

 private:
  friend class UpstreamPool;
  static void on_wait_over(void* self);
  UpstreamPool* pool_ = nullptr;
  PoolWaiter* next_ = nullptr;
  PoolWaiter* previous_ = nullptr;
  Deadline wait_deadline_;
};

class UpstreamPool {
 public:
  // `config` must outlive the pool.
  UpstreamPool(net::Loop& loop, net::Address address, const config::Upstream& config);
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;
  ~UpstreamPool();

  // An idle connection (the most recently used), or null.
  UpstreamConnection* take_idle();
  // Opens a connection if the limit allows, else queues; the waiter hears later. False: the queue is full.
  bool wait(PoolWaiter& waiter);
  // A connection whose response has ended cleanly: idle, or handed to the next in the queue.
  void give_back(UpstreamConnection& connection);
  // A connection that cannot be used any more; makes room.
  void discard(UpstreamConnection& connection);
  void retire();  // closes what is idle now and everything else when it comes back

  const net::Address& address() const noexcept { return address_; }
  std::size_t open() const noexcept { return connections_.size() + connecting_.size(); }
  std::size_t idle() const noexcept { return idle_.size(); }
  std::size_t waiting() const noexcept { return waiting_; }
  EndpointMetrics& numbers() noexcept { return metrics_; }
  net::Loop& loop() noexcept { return loop_; }
  const config::Upstream& config() const noexcept { return config_; }

 private:
  friend class PoolWaiter;
  struct Connecting;
  void connect();
  void on_connected(Connecting& attempt, Result<std::unique_ptr<net::Stream>> result);
  void serve_queue();
  void enqueue(PoolWaiter& waiter) noexcept;
  void dequeue(PoolWaiter& waiter) noexcept;
  PoolWaiter* first() noexcept { return first_; }
  void show_numbers() noexcept { metrics_.pool(open(), idle(), waiting()); }

  net::Loop& loop_;
  net::Address address_;
  const config::Upstream& config_;
  std::vector<std::unique_ptr<UpstreamConnection>> connections_;  // all that are open
  std::vector<UpstreamConnection*> idle_;                         // most recently used last
  std::vector<std::unique_ptr<Connecting>> connecting_;
  PoolWaiter* first_ = nullptr;
  PoolWaiter* last_ = nullptr;
  std::size_t waiting_ = 0;
  bool retired_ = false;
  EndpointMetrics metrics_;
};

}  // namespace postern::server
