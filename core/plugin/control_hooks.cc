#include "plugin/control_hooks.h"

#include <atomic>
#include <mutex>
#include <utility>

namespace postern::plugin {
namespace {
std::mutex mutex;
std::function<void()> reload_hook;
std::atomic<std::uint32_t> workers{0};
}  // namespace

void set_reload_hook(std::function<void()> reload) {
  std::lock_guard lock(mutex);
  reload_hook = std::move(reload);
}

bool ask_for_reload() {
  std::lock_guard lock(mutex);
  if (!reload_hook) return false;
  reload_hook();
  return true;
}

void set_worker_count(std::uint32_t count) noexcept { workers.store(count, std::memory_order_relaxed); }
std::uint32_t worker_count() noexcept { return workers.load(std::memory_order_relaxed); }

}  // namespace postern::plugin
