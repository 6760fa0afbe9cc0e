#include "plugin/service_order.h"

#include <algorithm>
#include <map>
#include <string>

#include "plugin/instance.h"
#include "plugin/library.h"

namespace postern::plugin {
namespace {

using Instances = std::vector<postern_instance>;

std::string quoted(const std::string& name) { return '"' + name + '"'; }

struct Offer {
  std::size_t at = 0;  // who offers it
  std::uint32_t version = 0;
};

using Offers = std::map<std::string, std::vector<Offer>>;  // by service, in the order in which they start

Offers offers_of(const Instances& instances) {
  Offers offers;
  for (std::size_t i = 0; i < instances.size(); ++i)
    for (const auto& offer : instances[i]->declared.offers) offers[offer.name].push_back({i, offer.version});
  return offers;
}

// "redis/main" is usually offered by a plugin "redis".
std::string who_could(const std::string& service, const Registry& registry) {
  std::string plugin = service.substr(0, service.find('/'));
  if (registry.find(plugin)) return "The plugin " + quoted(plugin) + " could: put it into \"services\".";
  return "Put a plugin that does into \"services\", or configure it without.";
}

std::string complaint(const Instances& instances, const std::vector<Offer>& offers, const ServiceDeclaration& need,
                      const Registry& registry) {
  if (offers.empty()) return "which nobody offers. " + who_could(need.name, registry);
  const std::string other = quoted(instances[offers.front().at]->name);
  if (offers.front().version < need.version)
    return "version " + std::to_string(need.version) + " or later, but " + other + " offers version " +
           std::to_string(offers.front().version) + ".";
  return "which " + other + " offers, but it starts later. Move " + other +
         (instances[offers.front().at]->scope == "services" ? " above it." : " into \"services\".");
}

void check_needs(const Instances& instances, std::size_t at, Offers& all, const Registry& registry,
                 config::Problems& problems) {
  postern_instance self = instances[at];
  for (const ServiceDeclaration& need : self->declared.needs) {
    const std::vector<Offer>& offers = all[need.name];
    bool served = std::any_of(offers.begin(), offers.end(),
                              [&](const Offer& o) { return o.at < at && o.version >= need.version; });
    if (served) continue;
    std::string reason = need.reason.empty() ? "" : " (" + need.reason + ")";
    problems.push_back({self->position, self->path,
                        quoted(self->name) + " needs the service " + quoted(need.name) + reason + ", " +
                            complaint(instances, offers, need, registry)});
  }
}

// No request passes there: what lives by hooks of exchanges alone does nothing.
bool is_idle(const postern_instance_s& instance) {
  const postern_plugin& table = *instance.table;
  bool works = table.on_worker_start != nullptr || table.on_worker_stop != nullptr;
  return instance.declared.offers.empty() && hooks_of(table) != 0 && !works;
}

void check_idle(postern_instance self, config::Problems& problems) {
  if (self->scope != "services" || !is_idle(*self)) return;
  problems.push_back({self->position, self->path,
                      quoted(self->name) +
                          " does nothing here: it offers no service and has no work of its own. Put it into "
                          "\"plugins\", where requests pass it, or take it out."});
}

}  // namespace

void check_services(const Instances& instances, const Registry& registry, config::Problems& problems) {
  Offers offers = offers_of(instances);
  for (std::size_t i = 0; i < instances.size(); ++i) {
    check_needs(instances, i, offers, registry, problems);
    check_idle(instances[i], problems);
  }
}

}  // namespace postern::plugin
