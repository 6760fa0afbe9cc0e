// One thread: its loop, its listeners and connections, its pools, and the generations it still serves.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/arena.h"
#include "base/thread_local.h"
#include "exchange/handle_table.h"
#include "exchange/tunnel.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/timer.h"
#include "plan/hook_counters.h"
#include "plan/plan.h"
#include "server/server_metrics.h"
#include "upstream/upstream_set.h"

namespace postern::proxy {

class Arrival;
class ClientConnection;
class Exchange;
class Worker;

// What a worker has of one generation: the shared plan, its own pools and counters. Made before the generation's instances
// start here; gone after they have stopped.
class WorkerPlan {
 public:
  WorkerPlan(Worker& worker, std::shared_ptr<const Plan> plan);
  const Plan& plan() const noexcept { return *plan_; }
  UpstreamSet& upstreams() noexcept { return upstreams_; }
  ~WorkerPlan();
  HookCounters& counters(const Link& link) {
    HookCounters* c = counters_[link.number].load(std::memory_order_relaxed);
    return c != nullptr ? *c : make_counters(link);
  }
  // [any thread] Null when the link has never run on this worker.
  const HookCounters* counters_of(std::uint32_t link) const noexcept {
    return counters_[link].load(std::memory_order_acquire);
  }

  TunnelList& tunnels() noexcept { return tunnels_; }

  // Exchanges pin it.
  void pin() noexcept { ++pins_; }
  void unpin();  // the last one of a retired generation reports it drained
  std::uint64_t pins() const noexcept { return pins_; }
  // Calls that plugins make hold it. They do not keep it from being drained: those still open then end with their instances.
  void hold() noexcept { ++holds_; }
  void let_go();

 private:
  friend class Worker;
  HookCounters& make_counters(const Link& link);
  Worker& worker_;
  std::shared_ptr<const Plan> plan_;
  UpstreamSet upstreams_;
  TunnelList tunnels_;
  std::vector<std::atomic<HookCounters*>> counters_;  // by Link::number; null until the link has run
  std::vector<std::unique_ptr<HookPublication>> published_;
  std::uint64_t pins_ = 0;
  std::uint64_t holds_ = 0;
  std::function<void()> drained_;    // set when retired
  std::function<void()> forgotten_;  // set by forget
};

// Numbers that all workers share.
struct SharedState {
  std::atomic<std::int64_t> connections{0};  // accepted client connections, all workers
  std::atomic<bool> draining{false};
  TunnelCounts tunnels;
};

class Worker {
 public:
  Worker(std::uint32_t index, SharedState& shared);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  void start();  // its thread begins
  void join();
  static Worker* current() noexcept { return current_; }  // of the calling thread; null elsewhere
  // [any thread] The running worker of that index, or null. It stays valid while its loop().post answers true.
  static Worker* at(std::uint32_t index) noexcept;
  static constexpr std::uint32_t kMost = 254;  // workers in one process; handles have 8 bits for them
  std::uint32_t index() const noexcept { return index_; }
  net::Loop& loop() noexcept { return loop_; }
  BlockPool& blocks() noexcept { return blocks_; }
  SharedState& shared() noexcept { return shared_; }
  WorkerMetrics& numbers() noexcept { return numbers_; }

  // --- Called on its own thread (use loop().post from others) ---
  WorkerPlan* plan() noexcept { return plan_; }  // the current generation; null before the first
  // Of every generation whose instances start, run or end here.
  const std::vector<std::unique_ptr<WorkerPlan>>& plans() const noexcept { return plans_; }
  WorkerPlan* plan_of(std::uint64_t generation) noexcept;  // null: none of these
  // Makes this worker's part of `plan`, which its instances need before it is adopted.
  WorkerPlan& prepare(std::shared_ptr<const Plan> plan);
  // New exchanges use `plan` from now on. `drained` runs on this thread when the previous one has no pins left (at once
  // when there was none).
  void adopt(std::shared_ptr<const Plan> plan, std::function<void()> drained);
  // Adds a listener; the address tells the port when 0 was asked for. Accepts from the first adopted plan on.
  // The current plan ends without a successor (shutdown).
  void retire_plan(std::function<void()> drained);
  // After a generation has drained, or was never adopted, and its instances have stopped here. `forgotten` runs on this
  // thread, in a later turn of the loop: whatever the instances have closed is closed by then.
  void forget(std::uint64_t generation, std::function<void()> forgotten);
  // `configured` is the address as written: with the name it tells listeners apart.
  Result<net::Address> listen(const std::string& name, const std::string& configured, const net::Address& address);
  void unlisten(const std::string& name, const std::string& configured);
  // Stops accepting; idle connections close, the others after their exchange. Calls `done` when none is left.
  void drain(std::function<void()> done);
  void abort_connections();  // the drain time is over
  void stop();               // ends the thread; connections and plans must be gone

  HandleTable<Exchange>& exchanges() noexcept { return exchanges_; }
  HandleTable<ClientConnection>& connections() noexcept { return connections_; }
  void remove(ClientConnection& connection);  // to the deferred deletes
  // An arrival is a connection by now, or has come to nothing.
  void admit(Arrival& arrival, std::unique_ptr<net::Stream> stream);
  void remove(Arrival& arrival);
  void linger(std::unique_ptr<net::Stream> stream);  // of a client connection whose last answer is on its way
  std::size_t connection_count() const noexcept { return live_.size() + arrivals_.size(); }
  AddressBook& known_addresses() noexcept { return known_addresses_; }
  std::int64_t& buffered_bytes() noexcept {
    return buffered_bytes_;
  }  // of bodies: BUFFER policies, suspended hooks, replay

 private:
  struct Listening {
    std::string name;
    std::string configured;
    std::unique_ptr<net::Listener> listener;
  };
  void stop_accepting();
  void accept(std::string_view listener, std::unique_ptr<net::Stream> stream);
  ClientConnection& serve(std::string_view listener, std::unique_ptr<net::Stream> stream);
  template <class T>
  void bury(std::vector<std::unique_ptr<T>>& list, T& one);
  void count_out();
  bool listens(std::string_view name) const noexcept;
  void heed_connection_limit();
  void check_drained();
  bool has(const WorkerPlan* plan) const noexcept;
  void retire(WorkerPlan& plan, std::function<void()> drained);
  void report_drained(WorkerPlan* plan);
  void drop(WorkerPlan* plan);
  friend class WorkerPlan;

  POSTERN_IN_PROGRAM static inline constinit thread_local Worker* current_ = nullptr;

  std::uint32_t index_;
  SharedState& shared_;
  net::Loop loop_;
  BlockPool blocks_;
  WorkerMetrics numbers_;
  HandleTable<Exchange> exchanges_;
  HandleTable<ClientConnection> connections_;
  AddressBook known_addresses_;
  std::vector<std::unique_ptr<WorkerPlan>> plans_;
  WorkerPlan* plan_ = nullptr;  // one of them
  std::vector<Listening> listeners_;
  std::set<std::string, std::less<>> listener_names_;  // of all there ever were: connections keep views
  std::vector<std::unique_ptr<ClientConnection>> live_;
  std::vector<std::unique_ptr<Arrival>> arrivals_;
  std::function<void()> drain_done_;
  std::unique_ptr<net::Timer> accept_again_;  // set while the connection limit is reached
  std::int64_t buffered_bytes_ = 0;
  std::size_t lingering_ = 0;
  bool draining_ = false;
  bool aborted_ = false;                    // draining has lasted long enough
  std::unique_ptr<net::Timer> keep_alive_;  // the loop runs until stop()
  std::thread thread_;
};

}  // namespace postern::proxy
