// "control": the gateway itself.
#include "plugin/control_hooks.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

std::uint64_t generation(postern_instance instance) noexcept {
  return instance == nullptr ? 0 : instance->siblings->generation;
}

postern_status reload() noexcept { return ask_for_reload() ? POSTERN_OK : POSTERN_E_STATE; }

// Null while the generation is being built.
const proxy::Plan* plan_of(postern_instance instance) noexcept {
  return instance == nullptr || instance->in_configure ? nullptr : instance->siblings->plan;
}

std::uint64_t route_count(postern_instance instance) noexcept {
  const proxy::Plan* plan = plan_of(instance);
  return plan == nullptr ? 0 : plan->config->routes.size();
}

// The first of its paths stands for a route.
std::string_view path_of(const config::Route& route) noexcept {
  if (route.matches.empty()) return {};
  const config::Match& match = route.matches.front();
  return match.path.empty() ? match.path_regex : match.path;
}

postern_status route_at(postern_instance instance, std::uint64_t index, postern_route_info* info) noexcept {
  if (instance == nullptr || info == nullptr || info->struct_size < sizeof(info->struct_size)) return POSTERN_E_INVALID;
  const proxy::Plan* plan = plan_of(instance);
  if (plan == nullptr || index >= plan->config->routes.size()) return POSTERN_E_NOT_FOUND;
  const config::Route& route = plan->config->routes[index];
  fill_sized(*info, postern_route_info{0, 0, str(route.id), str(path_of(route)), str(route.upstream)});
  return POSTERN_OK;
}

}  // namespace

const postern_control_table& control_table() {
  static const postern_control_table table{sizeof(table), 1, &generation, &reload, &route_count, &route_at};
  return table;
}

}  // namespace postern::plugin
