// "work": the thread pool.
#include "net/thread_pool.h"

#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/worker_handles.h"

namespace postern::plugin {
namespace {

using proxy::WorkerContext;

constexpr std::int64_t kMaxWaiting = 1024;

std::atomic<std::int64_t> waiting{0};  // submitted and not begun, all workers

// What the pool's thread and the worker share of one task. The one who moves it away from `queued` decides whether it runs.
struct Shared {
  enum class Stage : std::uint8_t { queued, begun, cancelled };

  Shared(postern_instance instance, void (*w)(void*), void (*d)(void*), void* u)
      : work(w), done(d), user(u), pin(instance, HandleKind::task) {
    waiting.fetch_add(1, std::memory_order_relaxed);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { leave(Stage::cancelled); }

  bool leave(Stage next) noexcept {
    auto expected = Stage::queued;
    if (!stage.compare_exchange_strong(expected, next)) return false;
    waiting.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

  std::atomic<Stage> stage{Stage::queued};
  void (*const work)(void* user);
  void (*const done)(void* user);
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
  if (task.leave(Shared::Stage::begun)) call_plugin(task.pin.instance(), "work", [&] { task.work(task.user); });
}

void finish(postern_task handle, Shared& task) {
  held<Task>().take(handle);
  if (task.done != nullptr)
    run_callback(task.pin.instance(), "work done", task.exchange, [&] { task.done(task.user); });
}

postern_task submit(postern_instance instance, void (*work)(void* user), void (*done)(void* user),
                    void* user) noexcept {
  WorkerContext* worker = worker_for(instance);
  if (worker == nullptr || work == nullptr) return 0;
  if (waiting.load(std::memory_order_relaxed) >= kMaxWaiting) return 0;
  auto made = std::make_unique<Task>();
  made->instance = instance;
  made->shared = std::make_shared<Shared>(instance, work, done, user);
  Task& task = *made;
  postern_task handle = held<Task>().add(std::move(made));
  if (handle == 0) return 0;
  auto shared = task.shared;  // both ends keep it: the pin holds until the job has come to rest
  task.job = net::Job::start(
      worker->loop(), [shared] { run(*shared); }, [shared, handle] { finish(handle, *shared); });
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
  static const postern_work_table table{sizeof(table), 1, &submit, &cancel};
  return table;
}

}  // namespace postern::plugin
