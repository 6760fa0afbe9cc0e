// One generation as the request path sees it: routes, chains, upstream definitions. Immutable; shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "config/config.h"
#include "net/tls_context.h"
#include "plan/chain.h"
#include "plan/rewrite.h"
#include "plan/router.h"
#include "plan/template.h"
#include "plan/trusted_proxies.h"

namespace postern::proxy {

struct ListenerPlan {
  const config::Listener* config = nullptr;  // points into Plan::config
  std::unique_ptr<net::TlsServer> tls;       // null: plaintext
  TrustedProxies senders;                    // of PROXY headers; empty: everybody
};

struct UpstreamPlan {
  std::uint32_t number = 0;  // index in Plan::upstreams
  config::Upstream config;
  std::unique_ptr<net::TlsClient> tls;  // null: plaintext
  Template hash_by;                     // consistent_hash
};

struct RoutePlan {
  const config::Route* config = nullptr;  // points into Plan::config
  Chain chain;                            // gateway-wide list, then the route's
  Rewrite rewrite;
  const UpstreamPlan* upstream = nullptr;                 // null: a plugin must answer
  std::uint64_t body_limit = 0;                           // 0: unlimited
  std::uint64_t body_read_timeout_ms = 0;                 // a year when there is none
  std::uint64_t response_timeout_ms = 0;                  // 0: the upstream's
  std::optional<std::uint64_t> response_body_timeout_ms;  // 0: none; nothing: the upstream's
  Metrics::Series streams = 0;                            // how many are open, where responses stream
};

struct Plan {
  std::uint64_t generation = 0;
  std::shared_ptr<const config::Config> config;
  std::vector<std::unique_ptr<Instance>> instances;  // services, gateway-wide, then by route
  std::vector<ListenerPlan> listeners;               // in the order of config->listeners
  std::vector<std::unique_ptr<UpstreamPlan>> upstreams;
  std::unordered_map<std::string, const UpstreamPlan*> upstream_by_name;
  Chain gateway_chain;            // for what no route takes, and for on_connection, on_request_early
  std::vector<RoutePlan> routes;  // in the order of config->routes
  Router router;
  TrustedProxies trusted_proxies;
  std::uint32_t links = 0;  // number of links in all chains

  const ListenerPlan* listener(std::string_view name) const noexcept;  // null: there is none of that name
  // Certificates and keys that have changed on disk replace those in use. For one thread at a time.
  void refresh_tls() const;

  // Everything but the instances, which the plugin layer adds before: fills routes, chains, upstreams and router from
  // `config`. `gateway` and `by_route` hold the instances of each list in written order.
  static std::shared_ptr<Plan> build(std::shared_ptr<const config::Config> config, std::uint64_t generation,
                                     std::vector<std::unique_ptr<Instance>> instances,
                                     const std::vector<const Instance*>& gateway,
                                     const std::vector<std::vector<const Instance*>>& by_route,
                                     config::Problems& problems);
};

}  // namespace postern::proxy
