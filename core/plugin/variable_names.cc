#include "plugin/variable_names.h"

#include <algorithm>

#include "plan/builtin_variables.h"
#include "plan/condition.h"
#include "plan/variables.h"
#include "plugin/data_flow.h"
#include "plugin/instance.h"

namespace postern::plugin {
namespace {

using proxy::variable_name;

// A misspelt family keeps the name behind it: "requst.header.x-user" is meant to be "request.header.x-user".
std::string with_family(std::string_view family, std::string_view name) {
  auto dots = std::count(family.begin(), family.end(), '.');
  for (; dots > 0 && name.find('.') != name.npos; --dots) name.remove_prefix(name.find('.') + 1);
  return dots > 0 ? std::string() : std::string(family) + std::string(name);
}

void check_text(const std::vector<proxy::VariableId>& variables, const VariableNames& names,
                const config::Position& position, const std::string& path, config::Problems& problems) {
  for (auto id : variables)
    if (!names.knows(variable_name(id))) problems.push_back({position, path, names.complaint(variable_name(id))});
}

}  // namespace

VariableNames::VariableNames(const std::vector<postern_instance>& instances) {
  for (postern_instance instance : instances)
    for (const Declaration& said : instance->declared.provides) provided_.insert(said.subject);
}

bool VariableNames::knows(std::string_view name) const {
  auto id = proxy::variable_id(name);
  if (id != 0 && proxy::variable_info(id).builtin != nullptr) return true;
  return std::any_of(provided_.begin(), provided_.end(), [&](const auto& said) { return covers(said, name); });
}

std::string VariableNames::complaint(std::string_view name) const {
  std::vector<std::string> known(provided_.begin(), provided_.end());
  for (const auto& builtin : proxy::builtin_variables())
    known.push_back(builtin.is_family() ? with_family(builtin.name, name) : std::string(builtin.name));
  auto near = config::nearest(name, known);
  std::string text = "nobody provides \"" + std::string(name) + '"';
  return near.empty() ? text + ": it is none of the gateway's own, and no plugin here sets it"
                      : text + "; did you mean \"" + near + "\"?";
}

void check_names(const std::vector<postern_instance>& instances, const VariableNames& names,
                 config::Problems& problems) {
  for (postern_instance instance : instances) {
    if (auto when = proxy::Condition::compile(instance->use->when))
      check_text(when->variables(), names, instance->position, instance->path + "/_/when", problems);
    for (const Declaration& said : instance->declared.reads)
      if (!names.knows(said.subject))
        problems.push_back({instance->position, instance->path, names.complaint(said.subject)});
  }
}

void check_names(const proxy::Plan& plan, const VariableNames& names, config::Problems& problems) {
  for (const auto& upstream : plan.upstreams)
    check_text(upstream->hash_by.variables(), names, upstream->config.position,
               "upstreams/" + upstream->config.name + "/hash_by", problems);
  for (const auto& route : plan.routes)
    check_text(route.rewrite.variables(), names, route.config->position, "routes/" + route.config->id + "/rewrite/path",
               problems);
}

}  // namespace postern::plugin
