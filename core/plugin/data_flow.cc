#include "plugin/data_flow.h"

#include <bit>
#include <optional>

#include "plan/chain.h"
#include "plan/condition.h"
#include "plan/variables.h"
#include "plugin/instance.h"
#include "plugin/library.h"

namespace postern::plugin {
namespace {

using Instances = std::vector<postern_instance>;

constexpr std::uint64_t kBackwards = POSTERN_HOOK_RESPONSE | POSTERN_HOOK_RESPONSE_BODY;

// One variable that an instance wants.
struct Use {
  std::size_t at = 0;  // the instance's place in the chain
  std::string variable;
  std::uint64_t hook = 0;
  bool needed = false;
  std::string reason;
};

// Why a provider does not serve a use.
enum class Fault : std::uint8_t { none, conditional, shadow, later_place, later_hook };

std::string quoted(postern_instance instance) { return '"' + instance->name + '"'; }
std::string because(const std::string& reason) { return reason.empty() ? "" : " (" + reason + ")"; }

std::string name_of(std::uint64_t hook) {
  return std::string(proxy::name_of(static_cast<proxy::Hook>(std::countr_zero(hook))));
}

std::string places(std::size_t count, std::string_view direction) {
  static constexpr std::string_view kWords[] = {"no", "one", "two", "three", "four", "five"};
  std::string number = count < std::size(kWords) ? std::string(kWords[count]) : std::to_string(count);
  return number + (count == 1 ? " place " : " places ") + std::string(direction);
}

bool is_shadow(postern_instance instance) { return instance->use != nullptr && instance->use->shadow; }
std::string_view when_of(postern_instance instance) {
  return instance->use != nullptr ? std::string_view(instance->use->when) : std::string_view();
}

// Whether `provider` runs whenever `consumer` does.
bool runs_along(postern_instance provider, postern_instance consumer) {
  if (when_of(provider).empty()) return true;
  if (when_of(consumer).empty()) return false;
  auto mine = proxy::Condition::compile(when_of(consumer)), theirs = proxy::Condition::compile(when_of(provider));
  return mine && theirs && mine->implies(*theirs);
}

std::uint64_t hook_of(postern_instance instance, const Declaration& said) {
  return said.hook != 0 ? said.hook : first_hook(*instance);
}

Fault fault_of(const Instances& chain, std::size_t provider, const Declaration& said, const Use& use) {
  std::uint64_t hook = hook_of(chain[provider], said);
  if (hook > use.hook) return Fault::later_hook;
  bool before = (hook & kBackwards) != 0 ? provider > use.at : provider < use.at;
  if (hook == use.hook && !before) return Fault::later_place;
  if (is_shadow(chain[provider]) && !is_shadow(chain[use.at])) return Fault::shadow;
  return use.needed && !runs_along(chain[provider], chain[use.at]) ? Fault::conditional : Fault::none;
}

struct Provider {
  std::size_t at = 0;
  std::uint64_t hook = 0;
  Fault fault = Fault::none;
};

// The one that serves the use, else the first of the others; nothing when nobody in the chain provides it.
std::optional<Provider> provider_of(const Instances& chain, const Use& use) {
  std::optional<Provider> first;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    for (const Declaration& said : chain[i]->declared.provides) {
      if (!covers(said.subject, use.variable)) continue;
      Provider found{i, hook_of(chain[i], said), fault_of(chain, i, said, use)};
      if (found.fault == Fault::none) return found;
      if (!first) first = found;
    }
  }
  return first;
}

std::string out_of_place(const Instances& chain, const Use& use, const Provider& provider) {
  std::string other = quoted(chain[provider.at]);
  if ((provider.hook & kBackwards) != 0)
    return other + " provides " + places(use.at - provider.at, "above it") +
           ", and responses pass a chain backwards. Move " + other + " below it.";
  return other + " provides " + places(provider.at - use.at, "later") + ". Move " + other + " above it.";
}

std::string complaint(const Instances& chain, const Use& use, const Provider& provider) {
  std::string self = quoted(chain[use.at]), other = quoted(chain[provider.at]);
  if (provider.at == use.at) return "only it provides itself.";
  switch (provider.fault) {
    case Fault::later_place:
      return out_of_place(chain, use, provider);
    case Fault::later_hook:
      return other + " provides in " + name_of(provider.hook) + ", after " + name_of(use.hook) + ", where " + self +
             " wants it. No order mends that: configure " + self + " without " + use.variable + ".";
    case Fault::shadow:
      return other + " provides, but it is in shadow mode, where it sets nothing. Take \"mode: shadow\" off " + other +
             ", or give it to " + self + ", too.";
    case Fault::conditional:
      return other + " provides only when " + std::string(when_of(chain[provider.at])) + ". Give " + self +
             " that \"when\", too, or take it off " + other + ".";
    case Fault::none:
      break;
  }
  return {};
}

void check(const Instances& chain, const Use& use, const std::string& where, config::Problems& problems) {
  auto id = proxy::variable_id(use.variable);
  if (id != 0 && proxy::variable_info(id).builtin != nullptr) return;
  auto provider = provider_of(chain, use);
  if (provider && provider->fault == Fault::none) return;
  if (!use.needed && (!provider || provider->at == use.at)) return;  // it may be unset
  postern_instance self = chain[use.at];
  std::string text =
      quoted(self) + (use.needed ? " needs " : " reads ") + use.variable + because(use.reason) + ", which ";
  text += provider ? complaint(chain, use, *provider)
                   : "no plugin in this chain provides. Put one that does above it, or configure it without " +
                         use.variable + ".";
  problems.push_back({self->position, where, std::move(text)});
}

void check_instance(const Instances& chain, std::size_t at, const std::string& where, config::Problems& problems) {
  postern_instance self = chain[at];
  for (const Declaration& said : self->declared.consumes)
    check(chain, {at, said.subject, hook_of(self, said), true, said.reason}, where, problems);
  for (const Declaration& said : self->declared.reads)
    check(chain, {at, said.subject, hook_of(self, said), false, said.reason}, where, problems);
  auto when = proxy::Condition::compile(when_of(self));
  if (!when) return;
  for (auto id : when->variables())
    check(chain, {at, std::string(proxy::variable_name(id)), first_hook(*self), false, "its \"when\""}, where,
          problems);
}

}  // namespace

bool covers(std::string_view declared, std::string_view variable) noexcept {
  if (declared == variable) return true;
  if (!declared.ends_with(".*")) return false;
  declared.remove_suffix(1);
  return variable.starts_with(declared);
}

std::uint64_t first_hook(const postern_instance_s& instance) noexcept {
  constexpr std::uint64_t kBeforeRouting = POSTERN_HOOK_CONNECTION | POSTERN_HOOK_REQUEST_EARLY;
  std::uint64_t hooks = instance.table != nullptr ? hooks_of(*instance.table) & ~instance.declared.disabled_hooks : 0;
  hooks &= instance.scope == "gateway" ? ~POSTERN_HOOK_CONNECTION : ~kBeforeRouting;
  return hooks == 0 ? POSTERN_HOOK_REQUEST : hooks & (~hooks + 1);
}

void check_data_flow(const std::vector<postern_instance>& chain, const std::string& where, config::Problems& problems) {
  for (std::size_t i = 0; i < chain.size(); ++i) check_instance(chain, i, where, problems);
}

}  // namespace postern::plugin
