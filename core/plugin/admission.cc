#include "plugin/admission.h"

#include <algorithm>

#include "plan/builtin_variables.h"
#include "plan/condition.h"
#include "plan/variables.h"
#include "plugin/instance.h"

namespace postern::plugin {
namespace {

bool refuses_anonymous(postern_instance instance) {
  return (instance->declared.refuses & POSTERN_REFUSES_ANONYMOUS) != 0;
}

// Why the guard does not count; empty when it does.
std::string weakness_of(const config::PluginUse& use) {
  if (use.shadow) return "is in shadow mode";
  if (use.fail_open) return "fails open";
  if (!use.when.empty()) return "runs only when " + use.when;
  return {};
}

// Told by the request alone, and always there.
bool is_always_set(proxy::VariableId id) {
  const auto* builtin = proxy::variable_info(id).builtin;
  return builtin != nullptr && !builtin->is_family() && builtin->kind == proxy::BuiltinVariable::Kind::of_request;
}

}  // namespace

Admission admission_of(const std::vector<postern_instance>& chain) {
  std::string weak;
  for (postern_instance instance : chain) {
    if (!refuses_anonymous(instance)) continue;
    std::string guard = '"' + instance->name + "\" " + instance->declared.refuses_how;
    std::string weakness = weakness_of(*instance->use);
    if (weakness.empty()) return {false, "anonymous requests are refused: " + guard};
    weak += (weak.empty() ? ": " : "; ") + guard + ", but " + weakness;
  }
  return {true, (weak.empty() ? "anonymous requests pass" : "anonymous requests may pass") + weak};
}

void warn_of_guards(const std::vector<postern_instance>& instances, config::Problems& warnings) {
  for (postern_instance instance : instances) {
    auto when = proxy::Condition::compile(instance->use->when);
    if (instance->declared.refuses == 0 || !when) continue;
    for (auto id : when->unequal_variables()) {
      if (is_always_set(id)) continue;
      std::string name(proxy::variable_name(id));
      warnings.push_back({instance->position, instance->path + "/_/when",
                          '"' + instance->name + "\" refuses requests, and whether it runs hangs on " + name +
                              " not being equal to something. Where " + name +
                              " is unset it counts as the empty text: make sure that it then runs"});
    }
  }
}

}  // namespace postern::plugin
