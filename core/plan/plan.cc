#include "plan/plan.h"

#include <algorithm>
#include <utility>

namespace postern::proxy {
namespace {

void report(config::Problems& problems, const config::Position& at, std::string path, std::string text) {
  problems.push_back({at, std::move(path), std::move(text)});
}

// By ALPN to an upstream.
std::vector<std::string> offered(const config::Upstream& upstream) {
  if (upstream.proxy_protocol != config::ProxyHeader::none) return {"http/1.1"};
  switch (upstream.protocol) {
    case config::Protocol::http1:
      return {"http/1.1"};
    case config::Protocol::h2:
      return {"h2"};
    case config::Protocol::automatic:
      break;
  }
  return {"h2", "http/1.1"};
}

void build_listeners(Plan& plan, config::Problems& problems) {
  for (const auto& configured : plan.config->listeners) {
    ListenerPlan& listener = plan.listeners.emplace_back();
    listener.config = &configured;
    if (auto senders = TrustedProxies::parse(configured.trusted_senders)) listener.senders = std::move(*senders);
    if (!configured.tls) continue;
    listener.tls = net::tls_server(*configured.tls, configured.protocols, "listeners/" + configured.name + "/tls");
    listener.tls->load(problems);
  }
}

void build_upstreams(Plan& plan, config::Problems& problems) {
  for (const auto& configured : plan.config->upstreams) {
    auto upstream = std::make_unique<UpstreamPlan>();
    upstream->number = static_cast<std::uint32_t>(plan.upstreams.size());
    upstream->config = configured;
    if (!configured.hash_by.empty()) {
      auto compiled = Template::compile(configured.hash_by);
      if (compiled)
        upstream->hash_by = std::move(*compiled);
      else
        report(problems, configured.position, "upstreams/" + configured.name + "/hash_by", compiled.error().text);
    }
    if (configured.tls) {
      upstream->tls = net::tls_client(*configured.tls, offered(configured), "upstreams/" + configured.name + "/tls");
      upstream->tls->load(problems);
    }
    plan.upstream_by_name[configured.name] = upstream.get();
    plan.upstreams.push_back(std::move(upstream));
  }
}

constexpr std::uint64_t kNeverMs = 1'000ull * 60 * 60 * 24 * 365;  // no connection lives as long

// Silence is no fault of a response that streams, unless the route says so itself.
std::optional<std::uint64_t> response_body_timeout(const config::Route& route) {
  if (route.response_body_timeout) return static_cast<std::uint64_t>(*route.response_body_timeout);
  if (route.streaming.what != config::Streaming::none) return 0;
  return std::nullopt;
}

Metrics::Series open_streams(const std::string& route) {
  constexpr std::size_t kMaxRoutes = 5'000;
  static const Metrics::FamilyId family = metrics().gauges(
      "postern_streams", "Responses on their way, of routes whose responses stream.", {"route"}, kMaxRoutes);
  return metrics().series(family, {route});
}

RoutePlan build_route(const Plan& plan, const config::Route& route, config::Problems& problems) {
  RoutePlan result;
  result.config = &route;
  auto rewrite = Rewrite::compile(route);
  if (rewrite)
    result.rewrite = std::move(*rewrite);
  else
    report(problems, route.position, "routes/" + route.id, rewrite.error().text);
  if (auto found = plan.upstream_by_name.find(route.upstream); found != plan.upstream_by_name.end()) {
    result.upstream = found->second;
  }
  result.body_limit = static_cast<std::uint64_t>(route.body_limit.value_or(plan.config->limits.body));
  auto body_read = static_cast<std::uint64_t>(route.body_read_timeout.value_or(plan.config->timeouts.body_read));
  result.body_read_timeout_ms = body_read > 0 ? body_read : kNeverMs;
  result.response_timeout_ms = static_cast<std::uint64_t>(route.timeout.value_or(0));
  result.response_body_timeout_ms = response_body_timeout(route);
  if (route.streaming.what != config::Streaming::none) result.streams = open_streams(route.id);
  return result;
}

}  // namespace

const ListenerPlan* Plan::listener(std::string_view name) const noexcept {
  for (const auto& one : listeners)
    if (one.config->name == name) return &one;
  return nullptr;
}

void Plan::refresh_tls() const {
  for (const auto& listener : listeners)
    if (listener.tls != nullptr) listener.tls->refresh();
  for (const auto& upstream : upstreams)
    if (upstream->tls != nullptr) upstream->tls->refresh();
}

std::shared_ptr<Plan> Plan::build(std::shared_ptr<const config::Config> config, std::uint64_t generation,
                                  std::vector<std::unique_ptr<Instance>> instances,
                                  const std::vector<const Instance*>& gateway,
                                  const std::vector<std::vector<const Instance*>>& by_route,
                                  config::Problems& problems) {
  auto plan = std::make_shared<Plan>();
  plan->generation = generation;
  plan->config = std::move(config);
  plan->instances = std::move(instances);
  plan->gateway_chain = Chain(gateway, 0);
  plan->links = static_cast<std::uint32_t>(gateway.size());
  build_listeners(*plan, problems);
  build_upstreams(*plan, problems);
  plan->router = Router::compile(plan->config->routes, problems);
  for (std::size_t i = 0; i < plan->config->routes.size(); ++i) {
    std::vector<const Instance*> chain = gateway;
    chain.insert(chain.end(), by_route[i].begin(), by_route[i].end());
    plan->routes.push_back(build_route(*plan, plan->config->routes[i], problems));
    plan->routes.back().chain = Chain(chain, plan->links);
    plan->links += static_cast<std::uint32_t>(chain.size());
  }
  auto proxies = TrustedProxies::parse(plan->config->trusted_proxies);
  if (proxies)
    plan->trusted_proxies = std::move(*proxies);
  else
    report(problems, {}, "trusted_proxies", proxies.error().text);
  return plan;
}

}  // namespace postern::proxy
