// The gateway itself and other plugins: routes, reload, services, endpoints. Usable on any thread.
#pragma once

#include "postern/detail/value.h"

namespace postern {

struct RouteInfo {
  std::string_view id, path, upstream;
};

namespace control {

inline std::uint64_t generation(Instance instance) {
  return POSTERN_OFFERS(control, generation) ? detail::host.control->generation(instance.raw()) : 0;
}
// Asks for a reload, which happens later.
[[nodiscard]] inline Status reload() {
  return POSTERN_OFFERS(control, reload) ? detail::host.control->reload() : POSTERN_E_STATE;
}

inline std::uint64_t route_count(Instance instance) {
  return POSTERN_OFFERS(control, route_count) ? detail::host.control->route_count(instance.raw()) : 0;
}
inline std::optional<RouteInfo> route_at(Instance instance, std::uint64_t index) {
  postern_route_info info = {};
  info.struct_size = sizeof info;
  if (!POSTERN_OFFERS(control, route_at)) return std::nullopt;
  if (detail::host.control->route_at(instance.raw(), index, &info) != POSTERN_OK) return std::nullopt;
  return RouteInfo{detail::to_view(info.id_view), detail::to_view(info.path_view), detail::to_view(info.upstream_view)};
}

// Takes an endpoint out of balancing on all workers, or puts it back.
inline Status set_available(std::string_view upstream, std::string_view address, bool available) {
  if (!POSTERN_OFFERS(upstream, set_available)) return POSTERN_E_STATE;
  return detail::host.upstream->set_available(detail::to_str(upstream), detail::to_str(address), available ? 1 : 0);
}

}  // namespace control

// Offers `table` (it begins with uint32_t struct_size, version) to other plugins until the instance is destroyed.
[[nodiscard]] inline Status publish(Instance instance, std::string_view name, const void* table) {
  if (!POSTERN_OFFERS(services, publish)) return POSTERN_E_STATE;
  return detail::host.services->publish(instance.raw(), detail::to_str(name), table);
}

// Another plugin's table, pinned for as long as this object lives. Table begins with uint32_t struct_size, version.
template <class Table>
class Service {
 public:
  Service() = default;
  // Allowed from on_worker_start on. Empty when nobody published `name` with at least that version.
  Service(Instance instance, std::string_view name, std::uint32_t min_version) : instance_(instance) {
    if (!POSTERN_OFFERS(services, acquire)) return;
    table_ =
        static_cast<const Table*>(detail::host.services->acquire(instance.raw(), detail::to_str(name), min_version));
  }
  Service(Service&& other) noexcept : instance_(other.instance_), table_(std::exchange(other.table_, nullptr)) {}
  Service& operator=(Service&& other) noexcept {
    std::swap(instance_, other.instance_);
    std::swap(table_, other.table_);
    return *this;
  }
  ~Service() {
    if (table_ != nullptr) detail::host.services->release(instance_.raw(), table_);
  }
  explicit operator bool() const { return table_ != nullptr; }
  const Table* operator->() const { return table_; }

 private:
  Instance instance_;
  const Table* table_ = nullptr;
};

}  // namespace postern
