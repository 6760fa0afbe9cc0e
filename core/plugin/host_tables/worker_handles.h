// What instances hold on one worker by handle: timers, calls, tasks. One set per thread and kind.
#pragma once

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exchange/handle_table.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {

// Owns the objects. T has a `handle` and an `instance`.
template <class T>
class Held {
 public:
  explicit Held(std::uint32_t worker) : handles_(worker) {}

  // 0 when there are too many.
  std::uint64_t add(std::unique_ptr<T> object) {
    if (objects_.size() >= kMax) return 0;
    object->handle = handles_.add(*object);
    std::uint64_t handle = object->handle;
    objects_.emplace(handle, std::move(object));
    return handle;
  }
  T* find(std::uint64_t handle) const noexcept { return handles_.find(handle); }
  // The handle means nothing from now on; the object is the caller's.
  std::unique_ptr<T> take(std::uint64_t handle) {
    auto at = objects_.find(handle);
    if (at == objects_.end()) return nullptr;
    auto object = std::move(at->second);
    objects_.erase(at);
    handles_.remove(handle);
    return object;
  }
  std::vector<std::uint64_t> of(postern_instance instance) const {
    std::vector<std::uint64_t> found;
    for (const auto& [handle, object] : objects_)
      if (object->instance == instance) found.push_back(handle);
    return found;
  }

 private:
  static constexpr std::size_t kMax = 100'000;
  proxy::HandleTable<T> handles_;
  std::unordered_map<std::uint64_t, std::unique_ptr<T>> objects_;
};

// This worker's; only on worker threads.
template <class T>
Held<T>& held() {
  thread_local Held<T> mine(proxy::WorkerContext::current()->index());
  return mine;
}

void release_timers(postern_instance instance);
void release_calls(postern_instance instance);

}  // namespace postern::plugin
