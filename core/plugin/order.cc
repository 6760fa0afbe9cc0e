#include "plugin/order.h"

#include <algorithm>
#include <optional>

#include "plan/variables.h"
#include "plugin/instance.h"

namespace postern::plugin {
namespace {

using Instances = std::vector<postern_instance>;

bool provides(postern_instance instance, const std::string& variable) {
  const auto& all = instance->declared.provides;
  return std::any_of(all.begin(), all.end(), [&](const Declaration& d) { return d.subject == variable; });
}

bool is_builtin(const std::string& variable) {
  auto id = proxy::variable_id(variable);
  return id != 0 && proxy::variable_info(id).builtin != nullptr;
}

std::optional<std::size_t> find_from(const Instances& chain, std::size_t from, const std::string& variable) {
  for (std::size_t i = from; i < chain.size(); ++i)
    if (provides(chain[i], variable)) return i;
  return std::nullopt;
}

std::string places(std::size_t count, std::string_view direction) {
  static constexpr std::string_view kWords[] = {"no", "one", "two", "three", "four", "five"};
  std::string number = count < std::size(kWords) ? std::string(kWords[count]) : std::to_string(count);
  return number + (count == 1 ? " place " : " places ") + std::string(direction);
}

std::string because(const std::string& reason) { return reason.empty() ? "" : " (" + reason + ")"; }

void check_consumes(const Instances& chain, std::size_t at, const std::string& where, config::Problems& problems) {
  postern_instance self = chain[at];
  for (const Declaration& need : self->declared.consumes) {
    if (is_builtin(need.subject)) continue;
    auto provider = find_from(chain, 0, need.subject);
    if (provider && *provider < at) continue;
    std::string text = '"' + self->name + "\" needs " + need.subject + because(need.reason) + ", which ";
    if (!provider) {
      text +=
          "no plugin in this chain provides. Put one that does above it, or configure it without " + need.subject + ".";
    } else if (*provider == at) {
      text += "only it provides itself.";
    } else {
      const std::string& other = chain[*provider]->name;
      text += '"' + other + "\" provides " + places(*provider - at, "later") + ". Move \"" + other + "\" above it.";
    }
    problems.push_back({self->position, where, text});
  }
}

// `before` and `after` bind only when the other plugin is in the chain.
void check_neighbours(const Instances& chain, std::size_t at, const std::string& where, config::Problems& problems) {
  postern_instance self = chain[at];
  auto report = [&](std::size_t other, std::string_view relation, std::string_view move, const std::string& reason) {
    const std::string& name = chain[other]->name;
    problems.push_back({self->position, where,
                        '"' + self->name + "\" must stand " + std::string(relation) + " \"" + name + '"' +
                            because(reason) + ". Move \"" + self->name + "\" " + std::string(move) + " \"" + name +
                            "\"."});
  };
  for (std::size_t i = 0; i < chain.size(); ++i) {
    for (const Declaration& d : self->declared.before)
      if (i < at && chain[i]->plugin == d.subject) report(i, "before", "above", d.reason);
    for (const Declaration& d : self->declared.after)
      if (i > at && chain[i]->plugin == d.subject) report(i, "after", "below", d.reason);
  }
}

}  // namespace

void check_order(const Instances& chain, const std::string& where, config::Problems& problems) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    check_consumes(chain, i, where, problems);
    check_neighbours(chain, i, where, problems);
  }
}

}  // namespace postern::plugin
