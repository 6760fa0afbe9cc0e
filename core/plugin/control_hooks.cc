#include "plugin/control_hooks.h"

#include <mutex>
#include <utility>

namespace postern::plugin {
namespace {
std::mutex mutex;
std::function<void()> reload_hook;
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

}  // namespace postern::plugin
