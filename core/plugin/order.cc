#include "plugin/order.h"

#include "plugin/instance.h"

namespace postern::plugin {
namespace {

using Instances = std::vector<postern_instance>;

std::string because(const std::string& reason) { return reason.empty() ? "" : " (" + reason + ")"; }

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
  for (std::size_t i = 0; i < chain.size(); ++i) check_neighbours(chain, i, where, problems);
}

}  // namespace postern::plugin
