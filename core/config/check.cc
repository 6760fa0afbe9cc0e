#include "config/check.h"

#include <unordered_map>

#include "config/report.h"

namespace postern::config {
namespace {

using Seen = std::unordered_map<std::string, Position>;

// Reports the second and later occurrences, each with the first one's place.
void check_once(Seen& seen, const std::string& what, const std::string& name, const Position& position,
                const std::string& path, Problems& problems) {
  if (name.empty()) return;
  auto [first, fresh] = seen.emplace(name, position);
  if (!fresh)
    add_problem(problems, position, path, "the " + what + " " + shown(name) + " is taken, at " + first->second.text());
}

std::string unknown(const std::string& what, const std::string& name, const Seen& known) {
  std::vector<std::string> names;
  for (const auto& [one, position] : known) names.push_back(one);
  return "there is no " + what + " " + shown(name) + suggestion(name, names);
}

Position whole_file(const Config& config) { return {std::make_shared<const std::string>(config.file), 0, 0}; }

bool has_fixed_port(const std::string& address) { return !address.ends_with(":0"); }

void check_listeners(const Config& config, Seen& names, Problems& problems) {
  Seen addresses;
  for (const Listener& listener : config.listeners) {
    std::string path = "listeners/" + listener.name;
    check_once(names, "listener name", listener.name, listener.position, path, problems);
    if (has_fixed_port(listener.address))
      check_once(addresses, "address", listener.address, listener.position, path, problems);
  }
  if (config.listeners.empty())
    add_problem(problems, whole_file(config), "listeners", "expected at least one listener, found none");
}

// What runs for one exchange needs different names: the gateway-wide instances and the route's.
void check_instances(const std::vector<PluginUse>& chain, Seen& names, const std::string& path, Problems& problems) {
  for (const PluginUse& use : chain) {
    auto [first, fresh] = names.emplace(use.name, use.position);
    if (fresh) continue;
    add_problem(problems, use.position, path + use.plugin,
                "the name " + shown(use.name) + " is already in this chain, at " + first->second.text() +
                    "; give one of them another with _: {name: ...}");
  }
}

struct Known {
  Seen listeners, upstreams, gateway_wide;
};

void check_route(const Config& config, const Route& route, const Known& known, Problems& problems) {
  std::string path = "routes/" + route.id;
  if (!route.upstream.empty() && !known.upstreams.contains(route.upstream))
    add_problem(problems, route.upstream_position, path + "/upstream",
                unknown("upstream", route.upstream, known.upstreams));
  if (route.upstream.empty() && route.plugins.empty() && config.plugins.empty())
    add_problem(problems, route.position, path, "there is neither an upstream nor a plugin that could answer");
  if (!route.matches.empty())
    for (const std::string& listener : route.matches.front().listeners)
      if (!known.listeners.contains(listener))
        add_problem(problems, route.position, path + "/match/listener", unknown("listener", listener, known.listeners));
  Seen names = known.gateway_wide;
  check_instances(route.plugins, names, path + "/plugins/", problems);
}

}  // namespace

void check_references(const Config& config, Problems& problems) {
  Known known;
  Seen services, ids;
  check_listeners(config, known.listeners, problems);
  for (const Upstream& upstream : config.upstreams)
    check_once(known.upstreams, "upstream name", upstream.name, upstream.position, "upstreams/" + upstream.name,
               problems);
  check_instances(config.services, services, "services/", problems);
  check_instances(config.plugins, known.gateway_wide, "plugins/", problems);
  for (const Route& route : config.routes) {
    check_once(ids, "route id", route.id, route.position, "routes/" + route.id, problems);
    check_route(config, route, known, problems);
  }
  if (config.routes.empty() && config.plugins.empty())
    add_problem(problems, whole_file(config), "routes", "expected at least one route or plugin, found none");
}

}  // namespace postern::config
