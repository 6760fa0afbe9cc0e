#include "cli/explain_command.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/check_command.h"
#include "http/target.h"
#include "plugin/instance.h"

namespace postern::cli {
namespace {

// The request as the gateway would understand it. Errors are sentences for the operator.
Result<void> parse(const ExplainOptions& options, http::RequestHead& head, Arena& arena) {
  auto target = http::parse_target(options.method, options.url, arena);
  if (!target) return fail(target.error());
  head.method = options.method;
  head.target = target->origin;
  head.path = target->path;
  head.query = target->query;
  std::string_view host = target->authority;
  for (const std::string& line : options.headers) {
    auto colon = line.find(':');
    std::string_view name = std::string_view(line).substr(0, colon);
    std::string_view value = colon == line.npos ? std::string_view{} : std::string_view(line).substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (colon == line.npos || !http::is_token(name) || !http::is_field_value(value)) {
      return fail(Error::client(ErrorCode::bad_request, "-H expects 'Name: value', found '" + line + "'"));
    }
    head.headers.add(name, value);
    if (host.empty() && http::same_name(name, "host")) host = value;
  }
  if (host.empty()) host = "localhost";
  auto authority = http::parse_authority(host, arena);
  if (!authority) return fail(authority.error());
  head.authority = *authority;
  return {};
}

using Sides = std::map<const server::Instance*, postern_instance>;

Sides sides_of(const std::vector<postern_instance>& gateway, const std::vector<postern_instance>& route) {
  Sides sides;
  for (postern_instance i : gateway) sides[i->serving] = i;
  for (postern_instance i : route) sides[i->serving] = i;
  return sides;
}

postern_instance provider_of(const server::Chain& chain, const Sides& sides, const std::string& variable) {
  for (const auto& link : chain.links()) {
    postern_instance instance = sides.at(link.instance);
    for (const auto& d : instance->declared.provides)
      if (d.subject == variable) return instance;
  }
  return nullptr;
}

std::string reasons(const server::Chain& chain, const Sides& sides, const server::Link& link) {
  postern_instance instance = sides.at(link.instance);
  std::string text = "written in " + instance->scope + " (" + instance->position.text() + ")";
  for (const auto& d : instance->declared.consumes) {
    postern_instance provider = provider_of(chain, sides, d.subject);
    text += ", needs " + d.subject + (provider != nullptr ? " from " + provider->name : "");
  }
  for (const auto& d : instance->declared.provides) text += ", provides " + d.subject;
  for (const auto& d : instance->declared.before) text += ", before " + d.subject;
  for (const auto& d : instance->declared.after) text += ", after " + d.subject;
  if (link.instance->when != nullptr) text += ", only when " + link.instance->when->text();
  if (link.instance->shadow) text += ", in shadow mode";
  if (link.instance->fail_open) text += ", fails open";
  return text;
}

void print_chain(const server::Chain& chain, const Sides& sides) {
  for (std::size_t h = 0; h < server::kHooks; ++h) {
    auto hook = static_cast<server::Hook>(h);
    auto links = chain.of(hook);
    if (links.empty()) continue;
    std::printf("%s:\n", std::string(server::name_of(hook)).c_str());
    for (std::size_t i = 0; i < links.size(); ++i) {
      std::printf("  %zu. %s: %s\n", i + 1, links[i].instance->name.c_str(), reasons(chain, sides, links[i]).c_str());
    }
  }
}

void print_upstream(const server::RoutePlan& route) {
  if (route.upstream == nullptr) return;
  std::printf("upstream %s:", route.upstream->config.name.c_str());
  for (const auto& t : route.upstream->config.targets) std::printf(" %s", t.address.c_str());
  std::printf("\n");
}

}  // namespace

int explain_command(const ExplainOptions& options) {
  auto generation = load_or_complain(options.config_file);
  if (generation == nullptr) return 1;
  const server::Plan& plan = *generation->plan();
  BlockPool blocks;
  Arena arena(blocks);
  http::RequestHead head(arena);
  if (auto parsed = parse(options, head, arena); !parsed) {
    std::fprintf(stderr, "%s\n", parsed.error().text.c_str());
    return 1;
  }
  std::string listener = options.listener.empty() ? plan.config->listeners.front().name : options.listener;
  auto found = plan.router.find(head, listener, arena);
  bool routed = found.kind == server::RouteMatch::Kind::found;
  if (routed) std::printf("route %s\n", plan.routes[found.route].config->id.c_str());
  else if (!found.allow.empty()) std::printf("no route: 405, allowed are %s\n", std::string(found.allow).c_str());
  else std::printf("no route: 404\n");
  for (const auto& p : found.parameters.all()) {
    std::printf("  path.%s = %s\n", std::string(p.name).c_str(), std::string(p.value).c_str());
  }
  for (const auto& c : plan.router.explain(head, listener, arena)) {
    if (c.reason.empty()) continue;
    std::printf("  not %s (%s): %s\n", plan.routes[c.route].config->id.c_str(), c.pattern.c_str(), c.reason.c_str());
  }
  static const std::vector<postern_instance> kNone;
  Sides sides = sides_of(generation->gateway(), routed ? generation->of_route(found.route) : kNone);
  if (routed) print_upstream(plan.routes[found.route]);
  print_chain(routed ? plan.routes[found.route].chain : plan.gateway_chain, sides);
  return routed ? 0 : 1;
}

}  // namespace postern::cli
