// "work": the thread pool.
#include "net/thread_pool.h"

#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/work_lanes.h"
#include "plugin/host_tables/worker_handles.h"

namespace postern::plugin {
namespace {

using proxy::WorkerContext;

using Done = void (*)(void* user, postern_status status);

// What the pool's thread and the worker share of one task. The one who moves it away from `queued` decides whether it runs.
struct Shared {
  enum class Stage : std::uint8_t { queued, begun, cancelled };

  // `l` has been entered.
  Shared(postern_instance instance, WorkLane& l, void (*w)(void*), Done d, void* u)
      : lane(l), work(w), done(d), user(u), pin(instance, HandleKind::task) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { leave(Stage::cancelled); }

  bool leave(Stage next) noexcept {
    auto expected = Stage::queued;
    if (!stage.compare_exchange_strong(expected, next)) return false;
    lane.leave();
    return true;
  }

  std::atomic<Stage> stage{Stage::queued};
  postern_status outcome = POSTERN_E_FAILED;  // the pool's thread writes it, the worker reads it after the job's end
  WorkLane& lane;
  void (*const work)(void* user);
  const Done done;
  void* const user;
  const Pin pin;
  const postern_exchange exchange = current_exchange();  // for which it was submitted, or 0
};

struct Task {
  postern_task handle = 0;
  postern_instance instance = nullptr;
  std::shared_ptr<Shared> shared;
  std::shared_ptr<net::Job> job;
};

void run(Shared& task) {
  if (!task.leave(Shared::Stage::begun)) return;
  if (call_plugin(task.pin.instance(), "work", [&] { task.work(task.user); })) task.outcome = POSTERN_OK;
}

void finish(postern_task handle, Shared& task) {
  held<Task>().take(handle);
  if (task.done != nullptr)
    run_callback(task.pin.instance(), "work done", task.exchange, [&] { task.done(task.user, task.outcome); });
}

std::uint32_t lane(postern_instance instance, postern_str name, std::uint32_t width, std::uint32_t bound) noexcept {
  return instance == nullptr ? 0 : WorkLanes::of_process().name(view(name), width, bound);
}

WorkLane* find_lane(postern_instance instance, std::uint32_t number) {
  WorkLanes& lanes = WorkLanes::of_process();
  return number == 0 ? &lanes.own(instance->plugin) : lanes.named(number);
}

postern_task submit(postern_instance instance, std::uint32_t lane_number, void (*work)(void* user), Done done,
                    void* user) noexcept {
  WorkerContext* worker = worker_for(instance);
  if (worker == nullptr || work == nullptr) return 0;
  WorkLane* lane = find_lane(instance, lane_number);
  if (lane == nullptr || !lane->enter()) return 0;
  auto made = std::make_unique<Task>();
  made->instance = instance;
  made->shared = std::make_shared<Shared>(instance, *lane, work, done, user);
  Task& task = *made;
  postern_task handle = held<Task>().add(std::move(made));
  if (handle == 0) return 0;
  auto shared = task.shared;  // both ends keep it: the pin holds until the job has come to rest
  task.job = net::Job::start(
      worker->loop(), lane->lane(), [shared] { run(*shared); }, [shared, handle] { finish(handle, *shared); });
  return handle;
}

postern_status cancel(postern_task handle) noexcept {
  WorkerContext* worker = WorkerContext::current();
  if (worker == nullptr) return POSTERN_E_STATE;
  Task* task = held<Task>().find(handle);
  if (task == nullptr) return why_not_found(worker, handle);
  if (!task->shared->leave(Shared::Stage::cancelled)) return POSTERN_E_STATE;
  task->job->cancel();  // takes `done` away, whether or not the pool has come to it
  held<Task>().take(handle);
  return POSTERN_OK;
}

}  // namespace

const postern_work_table& work_table() {
  static const postern_work_table table{sizeof(table), 1, &submit, &cancel, &lane};
  return table;
}

}  // namespace postern::plugin
