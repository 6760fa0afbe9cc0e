// "timer": timers on worker threads, and the time.
#include "net/timer.h"

#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/worker_handles.h"

namespace postern::plugin {
namespace {

using proxy::WorkerContext;

constexpr std::uint64_t kLongestMs = 10ull * 366 * 86'400'000;

struct PluginTimer {
  postern_timer handle = 0;
  postern_instance instance;
  postern_exchange exchange;  // for which it was started, or 0
  bool repeats;
  void (*fire)(void* user);
  void* user;
  std::shared_ptr<Pin> pin;
  std::unique_ptr<net::Timer> timer;
};

void on_timer(postern_timer handle) {
  PluginTimer* t = held<PluginTimer>().find(handle);
  if (t == nullptr) return;
  auto pin = t->pin;  // the callback may cancel the timer, and its code must stay until it has returned
  auto fire = t->fire;
  const postern_exchange exchange = t->exchange;
  void* user = t->user;
  std::unique_ptr<PluginTimer> over;
  if (!t->repeats) over = held<PluginTimer>().take(handle);
  run_callback(pin->instance(), "timer", exchange, [&] { fire(user); });
}

postern_timer start(postern_instance instance, std::uint64_t delay_ms, std::uint64_t repeat_ms,
                    void (*fire)(void* user), void* user) noexcept {
  WorkerContext* worker = worker_for(instance);
  if (worker == nullptr || fire == nullptr) return 0;
  auto made = std::make_unique<PluginTimer>();
  made->instance = instance;
  made->exchange = current_exchange();
  made->repeats = repeat_ms > 0;
  made->fire = fire;
  made->user = user;
  made->pin = std::make_shared<Pin>(instance, HandleKind::timer);
  PluginTimer& timer = *made;
  postern_timer handle = held<PluginTimer>().add(std::move(made));
  if (handle == 0) return 0;
  timer.timer = net::Timer::start(worker->loop(), std::min(delay_ms, kLongestMs), std::min(repeat_ms, kLongestMs),
                                  [handle] { on_timer(handle); });
  return handle;
}

postern_status cancel(postern_timer handle) noexcept {
  WorkerContext* worker = WorkerContext::current();
  if (worker == nullptr) return POSTERN_E_STATE;
  return held<PluginTimer>().take(handle) != nullptr ? POSTERN_OK : why_not_found(worker, handle);
}

std::uint64_t now_ms() noexcept { return cached_now_ms(); }
std::uint64_t unix_ms() noexcept { return system_clock().unix_ms(); }
std::uint64_t clock_ns() noexcept { return system_clock().now_ns(); }
std::uint64_t unix_ns() noexcept { return system_clock().unix_ns(); }

}  // namespace

void release_timers(postern_instance instance) {
  for (postern_timer handle : held<PluginTimer>().of(instance)) held<PluginTimer>().take(handle);
}

const postern_timer_table& timer_table() {
  static const postern_timer_table table{sizeof(table), 1, &start, &cancel, &now_ms, &unix_ms, &clock_ns, &unix_ns};
  return table;
}

}  // namespace postern::plugin
