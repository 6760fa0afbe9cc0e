// What the path of a request has of its worker: the loop, memory, handles, numbers, and the generations that this worker
// serves. The thread, its listeners and connections are server/worker.h's, which is one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/thread_local.h"
#include "exchange/handle_table.h"
#include "exchange/resumptions.h"
#include "exchange/tunnel.h"
#include "exchange/worker_metrics.h"
#include "exchange/worker_plan.h"
#include "net/loop.h"
#include "upstream/upstream_context.h"

namespace postern::proxy {

class ClientConnection;
class Exchange;

// Numbers that all workers share.
struct SharedState {
  std::atomic<std::int64_t> connections{0};  // accepted client connections, all workers
  std::atomic<bool> draining{false};
  TunnelCounts tunnels;
};

class WorkerContext {
 public:
  static constexpr std::uint32_t kMax = 254;  // workers in one process; handles have 8 bits for them

  // `clock`: of its loop; outlives the worker.
  WorkerContext(std::uint32_t index, SharedState& shared, Clock& clock = system_clock());
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;
  ~WorkerContext();

  static WorkerContext* current() noexcept { return current_; }  // of the calling thread; null elsewhere
  // [any thread] The worker of that index, or null. It stays valid while its loop().post answers true.
  static WorkerContext* at(std::uint32_t index) noexcept;

  std::uint32_t index() const noexcept { return index_; }
  net::Loop& loop() noexcept { return loop_; }
  SharedState& shared() noexcept { return shared_; }

  // --- Called on its own thread (use loop().post from others) ---
  BlockPool& blocks() noexcept { return blocks_; }
  WorkerMetrics& metrics() noexcept { return metrics_; }
  Resumptions& resumptions() noexcept { return resumptions_; }
  UpstreamContext& upstream_context() noexcept { return upstream_context_; }
  HandleTable<Exchange>& exchanges() noexcept { return exchanges_; }
  HandleTable<ClientConnection>& connections() noexcept { return connections_; }
  // Bytes of bodies that wait in memory: BUFFER policies, suspended hooks, replay.
  std::int64_t& buffered_bytes() noexcept { return buffered_bytes_; }

  WorkerPlan* plan() noexcept { return plan_; }  // the current generation; null before the first
  // One for each generation that is starting, serving or stopping on this worker.
  const std::vector<std::unique_ptr<WorkerPlan>>& plans() const noexcept { return plans_; }
  WorkerPlan* plan_of(std::uint64_t generation) noexcept;  // null: none of these
  // Makes this worker's part of `plan`, which its instances need before it is adopted.
  WorkerPlan& prepare(std::shared_ptr<const Plan> plan);
  // New exchanges use `plan` from now on. `drained` runs on this thread when the previous one has no pins left (at once
  // when there was none).
  void adopt(std::shared_ptr<const Plan> plan, std::function<void()> drained);
  // The current plan ends without a successor (shutdown).
  void retire_plan(std::function<void()> drained);
  // After a generation has drained, or was never adopted, and its instances have stopped here. `forgotten` runs on this
  // thread, in a later turn of the loop: whatever the instances have closed is closed by then.
  void forget(std::uint64_t generation, std::function<void()> forgotten);

 protected:
  // Between these two the calling thread is this worker's.
  void enter_thread() noexcept { current_ = this; }
  static void leave_thread() noexcept { current_ = nullptr; }

 private:
  friend class WorkerPlan;
  bool has(const WorkerPlan* plan) const noexcept;
  void retire(WorkerPlan& plan, std::function<void()> drained);
  void report_drained(WorkerPlan* plan);
  void drop(WorkerPlan* plan);

  POSTERN_IN_PROGRAM static inline constinit thread_local WorkerContext* current_ = nullptr;

  std::uint32_t index_;
  SharedState& shared_;
  Resumptions resumptions_{*this, loop_};  // before the loop, whose last turn may still ask it
  net::Loop loop_;
  BlockPool blocks_;
  WorkerMetrics metrics_;
  HandleTable<Exchange> exchanges_;
  HandleTable<ClientConnection> connections_;
  std::int64_t buffered_bytes_ = 0;
  UpstreamContext upstream_context_;
  std::vector<std::unique_ptr<WorkerPlan>> plans_;
  WorkerPlan* plan_ = nullptr;  // one of them
};

}  // namespace postern::proxy
