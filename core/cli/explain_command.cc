#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/dry_request.h"
#include "plan/plan.h"
#include "plugin/data_flow.h"

namespace postern::cli {
namespace {

using proxy::Hook;
using Instances = std::vector<postern_instance>;

std::string ordinal(std::size_t n) {
  bool teen = n % 100 >= 11 && n % 100 <= 13;
  const char* ending = teen || n % 10 == 0 || n % 10 > 3 ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : "rd";
  return std::to_string(n) + ending;
}

class Explanation {
 public:
  Explanation(const plugin::Generation& generation, DryRequest& request)
      : generation_(generation), plan_(*generation.plan()), request_(request) {}

  bool print() {
    auto match = plan_.router.find(request_.head(), request_.listener_name(), request_.arena());
    bool found = match.kind == proxy::RouteMatch::Kind::found;
    print_outcome(match);
    print_candidates();
    const auto& chain = found ? plan_.routes[match.route].chain : plan_.gateway_chain;
    chain_ = generation_.gateway();
    gateway_count_ = chain_.size();
    if (found) {
      const auto& own = generation_.of_route(match.route);
      chain_.insert(chain_.end(), own.begin(), own.end());
      request_.matched(plan_.routes[match.route].config->id, match.parameters);
    }
    fmt::print("\nchain\n");
    for (std::size_t i = 0; i < chain_.size(); ++i) print_instance(i, found ? &plan_.routes[match.route] : nullptr);
    if (chain_.empty()) fmt::print("  no plugins\n");
    print_hooks(chain);
    return found;
  }

 private:
  void print_outcome(const proxy::RouteMatch& match) const {
    const auto& head = request_.head();
    auto request = fmt::format("{} {}://{}{}", head.method, head.scheme, head.authority, head.target);
    switch (match.kind) {
      case proxy::RouteMatch::Kind::found: {
        const auto& route = plan_.routes[match.route];
        fmt::print("{}\nroute {} ({}), {}\n", request, route.config->id, route.config->position.text(),
                   route.upstream == nullptr ? "answered by a plugin" : "upstream " + route.config->upstream);
        if (route.upstream != nullptr)
          for (const auto& t : route.upstream->config.targets) fmt::print("  target {}\n", t.address);
        for (const auto& p : match.parameters.all()) fmt::print("  path.{} = {}\n", p.name, p.value);
        print_streaming(route.config->streaming);
        return;
      }
      case proxy::RouteMatch::Kind::method_not_allowed:
        fmt::print("{}\nno route: 405, Allow: {}\n", request, match.allow);
        return;
      case proxy::RouteMatch::Kind::not_found:
        fmt::print("{}\nno route: 404\n", request);
    }
  }

  static void print_streaming(const config::StreamingDemand& demand) {
    if (demand.what == config::Streaming::none) return;
    fmt::print("  streams {}: no plugin may hold a body back{}\n",
               demand.what == config::Streaming::both ? "requests and responses" : "responses",
               demand.stack.empty() ? "" : " (stack " + demand.stack + ")");
  }

  void print_candidates() const {
    auto candidates = plan_.router.explain(request_.head(), request_.listener_name(), request_.arena());
    fmt::print("\ncandidates, the most specific first\n");
    for (const auto& c : candidates)
      fmt::print("  {} ({}): {}\n", plan_.config->routes[c.route].id, c.pattern,
                 c.reason.empty() ? "chosen" : c.reason);
    if (candidates.empty()) fmt::print("  none takes this host and path\n");
  }

  // Where an instance is written, what it stands in relation to, and whether it runs for this request.
  void print_instance(std::size_t index, const proxy::RoutePlan* route) const {
    postern_instance self = chain_[index];
    bool wide = index < gateway_count_;
    const auto& uses = wide ? plan_.config->plugins : route->config->plugins;
    auto number = static_cast<std::size_t>(self->use - uses.data()) + 1;
    fmt::print("  {} {}: written {} in {} ({})", index + 1, self->name, ordinal(number),
               wide ? "plugins" : self->scope + "/plugins", self->position.text());
    if (!self->use->stack.empty()) fmt::print(", from stack {}", self->use->stack);
    fmt::print("\n");
    if (self->plugin != self->name) fmt::print("      is the plugin {} {}\n", self->plugin, self->plugin_version);
    for (const auto& d : self->declared.provides) fmt::print("      provides {}\n", d.subject);
    for (const auto& d : self->declared.consumes) print_consumes(d);
    for (const auto& d : self->declared.before) print_relation("before", d);
    for (const auto& d : self->declared.after) print_relation("after", d);
    if (self->serving != nullptr && self->serving->shadow) fmt::print("      in shadow: changes nothing\n");
    if (self->serving != nullptr && self->serving->fail_open)
      fmt::print("      fails open: an error lets the request pass\n");
    if (self->serving != nullptr && self->serving->when) print_when(*self->serving->when);
  }

  void print_consumes(const plugin::Declaration& need) const {
    std::string from = "from the gateway itself";
    for (postern_instance other : chain_)
      for (const auto& d : other->declared.provides)
        if (plugin::covers(d.subject, need.subject)) from = "from " + other->name;
    fmt::print("      consumes {} {}{}\n", need.subject, from, need.reason.empty() ? "" : ": " + need.reason);
  }

  void print_relation(const char* relation, const plugin::Declaration& d) const {
    bool here = std::any_of(chain_.begin(), chain_.end(), [&](auto* i) { return i->plugin == d.subject; });
    if (here) fmt::print("      stands {} {}{}\n", relation, d.subject, d.reason.empty() ? "" : ": " + d.reason);
  }

  void print_when(const proxy::Condition& when) const {
    auto unknown = request_.undecidable(when);
    if (!unknown.empty())
      fmt::print("      when {}: depends on {}\n", when.text(), unknown);
    else
      fmt::print("      when {}: {}\n", when.text(), consequence(when.holds(request_)));
  }

  static const char* consequence(proxy::Condition::Answer answer) {
    if (answer == proxy::Condition::Answer::unjudged) return "cannot be judged, the request is refused with 500";
    return answer == proxy::Condition::Answer::yes ? "holds, runs" : "does not hold, is passed over";
  }

  static void print_hooks(const proxy::Chain& chain) {
    fmt::print("\nhooks, in the order of their calls\n");
    for (std::size_t h = 0; h < proxy::kHooks; ++h) {
      std::string names;
      for (const auto& link : chain.of(static_cast<Hook>(h)))
        names += (names.empty() ? "" : ", ") + link.instance->name;
      bool backwards = static_cast<Hook>(h) == Hook::response || static_cast<Hook>(h) == Hook::response_body;
      if (!names.empty())
        fmt::print("  {}: {}{}\n", proxy::name_of(static_cast<Hook>(h)), names, backwards ? " (backwards)" : "");
    }
  }

  const plugin::Generation& generation_;
  const proxy::Plan& plan_;
  DryRequest& request_;
  Instances chain_;
  std::size_t gateway_count_ = 0;
};

int explain(const plugin::Generation& generation, const ExplainOptions& options) {
  const auto& listeners = generation.plan()->config->listeners;
  auto listener = options.listener;
  if (listener.empty() && !listeners.empty()) listener = listeners.front().name;
  bool known = std::any_of(listeners.begin(), listeners.end(), [&](const auto& l) { return l.name == listener; });
  if (!known && !options.listener.empty()) {
    std::fprintf(stderr, "there is no listener \"%s\"\n", listener.c_str());
    return 1;
  }
  BlockPool blocks;
  Arena arena(blocks);
  DryRequest request(arena, listener);
  if (auto good = request.parse(options.method, options.url, options.headers); !good) {
    std::fprintf(stderr, "%s\n", good.error().text.c_str());
    return 1;
  }
  return Explanation(generation, request).print() ? 0 : 1;
}

}  // namespace

int explain_command(const ExplainOptions& options) {
  auto generation = load_generation(options.config_file);
  int code = generation == nullptr ? 1 : explain(*generation, options);
  generation.reset();
  shutdown_logging();
  return code;
}

}  // namespace postern::cli
