// "services": tables of functions that plugins offer to each other, within one generation.
#include <map>
#include <mutex>
#include <utility>

#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"
#include "plugin/host_tables/services.h"

namespace postern::plugin {
namespace {

constexpr std::uint64_t kMaxName = 128;

struct TableHead {  // how every table begins
  std::uint32_t struct_size, version;
};

// Who holds which table how often, so that a release without an acquire harms nobody.
struct Acquired {
  std::mutex mutex;
  std::map<std::pair<postern_instance, const void*>, std::pair<postern_instance, std::uint64_t>>
      holders;  // publisher, count
};
Acquired& acquired() {
  static Acquired& all = *new Acquired;  // plugins may still release while the process ends
  return all;
}

// `postern check` believes what was declared: nothing else may be published.
bool offers(const postern_instance_s& instance, std::string_view name, std::uint32_t version) {
  const auto& offered = instance.declared.offers;
  return std::any_of(offered.begin(), offered.end(),
                     [&](const ServiceDeclaration& o) { return o.name == name && o.version <= version; });
}

postern_status publish(postern_instance instance, postern_str name, const void* table) noexcept {
  if (instance == nullptr || table == nullptr || name.len == 0 || !usable(name, kMaxName)) return POSTERN_E_INVALID;
  TableHead head;
  std::memcpy(&head, table, sizeof head);
  if (head.struct_size < sizeof head) return POSTERN_E_INVALID;
  if (!offers(*instance, view(name), head.version)) return POSTERN_E_STATE;
  std::lock_guard lock(instance->siblings->services_mutex);
  for (const auto& service : instance->siblings->services)
    if (service.name == view(name)) return POSTERN_E_EXISTS;
  instance->siblings->services.push_back({std::string(view(name)), table, instance});
  return POSTERN_OK;
}

const void* acquire(postern_instance instance, postern_str name, std::uint32_t min_version) noexcept {
  if (instance == nullptr || !instance->presence.anywhere() || !usable(name, kMaxName)) return nullptr;
  std::lock_guard lock(instance->siblings->services_mutex);
  for (const auto& service : instance->siblings->services) {
    if (service.name != view(name)) continue;
    TableHead head;
    std::memcpy(&head, service.table, sizeof head);
    if (head.version < min_version) return nullptr;
    std::lock_guard holders_lock(acquired().mutex);
    auto& holder = acquired().holders[{instance, service.table}];
    holder.first = service.publisher;
    ++holder.second;
    service.publisher->pins.add(HandleKind::service);
    return service.table;
  }
  return nullptr;
}

void release(postern_instance instance, const void* table) noexcept {
  std::lock_guard lock(acquired().mutex);
  auto held = acquired().holders.find({instance, table});
  if (held == acquired().holders.end()) return;
  held->second.first->pins.remove(HandleKind::service);
  if (--held->second.second == 0) acquired().holders.erase(held);
}

}  // namespace

void release_services(postern_instance instance) {
  std::lock_guard lock(acquired().mutex);
  auto& holders = acquired().holders;
  for (auto at = holders.lower_bound({instance, nullptr}); at != holders.end() && at->first.first == instance;) {
    for (; at->second.second > 0; --at->second.second) at->second.first->pins.remove(HandleKind::service);
    at = holders.erase(at);
  }
}

const postern_services_table& services_table() {
  static const postern_services_table table{sizeof(table), 1, &publish, &acquire, &release};
  return table;
}

}  // namespace postern::plugin
