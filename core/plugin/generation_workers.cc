// A generation's instances on the workers: started one after another, stopped in reverse.
#include <utility>

#include "exchange/worker_context.h"
#include "net/timer.h"
#include "plugin/fence.h"
#include "plugin/generation.h"
#include "plugin/host_tables/host_tables.h"

namespace postern::plugin {

// One worker's start. Each instance starts when the one before is ready.
struct Generation::WorkerStart {
  std::uint32_t worker = 0;
  std::size_t next = 0;                  // the instance that is starting
  bool waiting = false;                  // it answered PENDING and has not reported
  std::unique_ptr<net::Timer> deadline;  // of its report
  std::function<void(Result<void>)> done;
};

// One worker's stop, in reverse. Each instance stops when the one after it has.
struct Generation::WorkerStop {
  std::uint32_t worker = 0;
  std::size_t left = 0;                  // instances that have not stopped; the last of them is stopping
  bool waiting = false;                  // it answered PENDING and has not reported
  std::unique_ptr<net::Timer> deadline;  // of its report
  std::function<void()> done;
};

void Generation::enter_worker(std::uint32_t worker) noexcept {
  for (const auto& instance : instances_) instance->presence.enter(worker);
}

void Generation::start_worker(std::uint32_t worker, std::function<void(Result<void>)> done) {
  auto start = std::make_shared<WorkerStart>();  // shared by the pending report and its deadline
  start->worker = worker;
  start->done = std::move(done);
  start_from(start);
}

void Generation::start_from(const std::shared_ptr<WorkerStart>& start) {
  for (; start->next < instances_.size(); ++start->next) {
    auto status = start_next(start);
    if (status == POSTERN_PENDING) return;
    if (status != POSTERN_OK) return start_failed(start, {status, ""});
  }
  {
    std::lock_guard lock(started_mutex_);
    started_.push_back(start->worker);
  }
  start->done({});
}

postern_status Generation::start_next(const std::shared_ptr<WorkerStart>& start) {
  auto index = start->next;
  postern_instance instance = instances_[index].get();
  if (instance->table->on_worker_start == nullptr) return POSTERN_OK;
  // Reports come from any thread and even inside the hook, so they always travel through the worker's loop.
  instance->readiness.begin_worker(start->worker, [this, start, index](Readiness::Outcome outcome) {
    auto* worker = proxy::WorkerContext::at(start->worker);
    if (worker != nullptr) worker->loop().post([this, start, index, outcome] { reported(start, index, outcome); });
  });
  auto status = fenced(instance, "on_worker_start",
                       [&] { return instance->table->on_worker_start(instance->data, start->worker); });
  if (status != POSTERN_PENDING) {
    instance->readiness.end_worker(start->worker);
    return status;
  }
  start->waiting = true;
  {
    std::lock_guard lock(started_mutex_);
    waiting_[start->worker] = start;
  }
  if (auto* worker = proxy::WorkerContext::current())
    start->deadline = net::Timer::start(worker->loop(), kReadyDeadlineMs, 0, [this, start, index] {
      reported(start, index, {POSTERN_E_TIMEOUT, not_ready_in_time()});
    });
  return status;
}

// `start` by value: the deadline that brought it here is destroyed.
void Generation::reported(std::shared_ptr<WorkerStart> start, std::size_t index, Readiness::Outcome outcome) {
  if (!start->waiting || start->next != index) return;  // late or repeated
  start->waiting = false;
  start->deadline.reset();
  {
    std::lock_guard lock(started_mutex_);
    waiting_.erase(start->worker);
  }
  instances_[index]->readiness.end_worker(start->worker);
  if (outcome.status != POSTERN_OK) return start_failed(start, outcome);
  ++start->next;
  start_from(start);
}

void Generation::give_up_start(std::uint32_t worker) {
  std::shared_ptr<WorkerStart> start;
  {
    std::lock_guard lock(started_mutex_);
    if (auto at = waiting_.find(worker); at != waiting_.end()) start = at->second;
  }
  if (start != nullptr) reported(start, start->next, {POSTERN_E_FAILED, "was given up before it was ready"});
}

void Generation::start_failed(const std::shared_ptr<WorkerStart>& start, const Readiness::Outcome& outcome) {
  postern_instance instance = instances_[start->next].get();
  release_worker_handles(instance, start->worker);
  std::string why = outcome.error.empty() ? "failed in on_worker_start; its log says why" : outcome.error;
  Error error{ErrorCode::internal_error, Origin::plugin,
              instance->position.text() + ": " + instance->path + ": plugin \"" + instance->plugin + "\" " + why};
  stop_instances(start->next, start->worker, [start, error] { start->done(fail(error)); });
}

// ---- Stopping --------------------------------------------------------------------------------------------------------

void Generation::stop_worker(std::uint32_t worker, std::function<void()> done) {
  bool was_started = false;
  {
    std::lock_guard lock(started_mutex_);
    was_started = std::erase(started_, worker) > 0;
  }
  stop_instances(was_started ? instances_.size() : 0, worker, [this, worker, done = std::move(done)] {
    for (const auto& instance : instances_) instance->presence.leave(worker);  // also what never started there
    done();
  });
}

// The first `count` of them, the last one first.
void Generation::stop_instances(std::size_t count, std::uint32_t worker, std::function<void()> done) {
  auto stop = std::make_shared<WorkerStop>();
  stop->worker = worker;
  stop->left = count;
  stop->done = std::move(done);
  stop_from(stop);
}

void Generation::stop_from(const std::shared_ptr<WorkerStop>& stop) {
  for (; stop->left > 0; --stop->left) {
    if (!stop_next(stop)) return;
    release_worker_handles(instances_[stop->left - 1].get(), stop->worker);
  }
  stop->done();
}

// False: it answered PENDING.
bool Generation::stop_next(const std::shared_ptr<WorkerStop>& stop) {
  auto left = stop->left;
  postern_instance instance = instances_[left - 1].get();
  if (instance->table->on_worker_stop == nullptr) return true;
  instance->readiness.begin_worker(stop->worker, [this, stop, left](Readiness::Outcome outcome) {
    auto* worker = proxy::WorkerContext::at(stop->worker);
    if (worker != nullptr) worker->loop().post([this, stop, left, outcome] { stopped(stop, left, outcome); });
  });
  auto status =
      fenced(instance, "on_worker_stop", [&] { return instance->table->on_worker_stop(instance->data, stop->worker); });
  if (status != POSTERN_PENDING) {
    instance->readiness.end_worker(stop->worker);
    return true;
  }
  stop->waiting = true;
  if (auto* worker = proxy::WorkerContext::current())
    stop->deadline = net::Timer::start(worker->loop(), kStopDeadlineMs, 0, [this, stop, left] {
      stopped(stop, left,
              {POSTERN_E_TIMEOUT, "it was not over within " + std::to_string(kStopDeadlineMs / 1000) + " s"});
    });
  return false;
}

// `stop` by value: the deadline that brought it here is destroyed.
void Generation::stopped(std::shared_ptr<WorkerStop> stop, std::size_t left, const Readiness::Outcome& outcome) {
  if (!stop->waiting || stop->left != left) return;  // late or repeated
  stop->waiting = false;
  stop->deadline.reset();
  postern_instance instance = instances_[left - 1].get();
  instance->readiness.end_worker(stop->worker);
  if (outcome.status != POSTERN_OK)
    logger(instance->log_module)
        .write(LogLevel::error, "on_worker_stop did not end well",
               {{"instance", instance->name}, {"scope", instance->scope}, {"why", outcome.error}});
  release_worker_handles(instance, stop->worker);
  --stop->left;
  stop_from(stop);
}

}  // namespace postern::plugin
