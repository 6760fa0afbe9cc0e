#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

constexpr Milliseconds kHour = 3'600'000, kDay = 24 * kHour;
constexpr std::size_t kMaxTargets = 10'000;

// In the order of Balance.
const std::vector<std::string> kBalances = {"round_robin", "weighted_round_robin", "least_connections", "random",
                                            "ip_hash",     "consistent_hash"};

// In the order of Protocol.
const std::vector<std::string> kProtocols = {"http/1.1", "h2", "auto"};

// In the order of ProxyHeader.
const std::vector<std::string> kProxyHeaders = {"none", "v1", "v2"};

void read_address(const Cursor& value, std::string& to) {
  std::string problem;
  if (value.read(to) && !is_target_address(to, problem)) value.problem(problem);
}

// "host:port", or a map with a weight.
void read_target(const Cursor& item, Target& target) {
  target.position = item.position();
  if (item.node().kind != Node::Kind::map) {
    if (item.node().kind != Node::Kind::string)
      item.expected("\"host:port\" or {address: \"host:port\", weight: 1}");
    else
      read_address(item, target.address);
    return;
  }
  Fields fields(item);
  if (auto address = fields.require("address")) read_address(*address, target.address);
  fields.read_integer("weight", target.weight, 1, 1'000);
  fields.finish();
}

void read_targets(const Cursor& list, std::vector<Target>& targets) {
  if (!list.is_list()) return;
  if (list.node().items.empty() || list.node().items.size() > kMaxTargets)
    list.problem("an upstream has 1 to 10000 targets, found " + std::to_string(list.node().items.size()));
  for (const Cursor& item : list.items()) read_target(item, targets.emplace_back());
}

void read_timeouts_of(const Cursor& section, Upstream& upstream) {
  Fields fields(section);
  fields.read_duration("connect", upstream.timeouts.connect, 1, kHour);
  fields.read_duration("response", upstream.timeouts.response, 0, kDay);
  fields.read_duration("body", upstream.timeouts.body, 0, kDay);
  fields.read_duration("idle", upstream.timeouts.idle, 1, kDay);
  fields.finish();
}

void read_pool(const Cursor& section, Upstream& upstream) {
  Fields fields(section);
  fields.read_integer("max_connections", upstream.pool.max_connections, 1, 100'000);
  fields.read_integer("max_waiting", upstream.pool.max_waiting, 0, 1'000'000);
  fields.read_duration("max_wait", upstream.pool.max_wait, 1, kHour);
  fields.read_integer("max_requests", upstream.pool.max_requests, 0, 1'000'000'000);
  fields.read_integer("max_streams", upstream.pool.max_streams, 1, 1'000);
  fields.finish();
}

void read_http2_of(const Cursor& section, Upstream& upstream) {
  Fields fields(section);
  fields.read_duration("ping_interval", upstream.http2.ping_interval, 0, kDay);
  fields.read_duration("ping_timeout", upstream.http2.ping_timeout, 1, kHour);
  fields.finish();
}

void check_hash_by(const Cursor& map, const Upstream& upstream) {
  bool hashes = upstream.balance == Balance::consistent_hash;
  if (hashes && upstream.hash_by.empty())
    map.problem("balance: consistent_hash needs \"hash_by\", as in hash_by: \"${request.header.x-user}\"");
  if (!hashes && !upstream.hash_by.empty())
    map.problem("\"hash_by\" is only for balance: consistent_hash, found " +
                kBalances[static_cast<std::size_t>(upstream.balance)]);
}

// A unix socket has no host name that a certificate could be for.
void check_server_name(const Cursor& map, const Upstream& upstream) {
  if (!upstream.tls || !upstream.tls->verify || !upstream.tls->server_name.empty()) return;
  for (const Target& target : upstream.targets)
    if (target.address.starts_with("unix:"))
      return map.problem_at(upstream.tls->position,
                            "a target is a unix socket: write the name that its certificate is for, as server_name");
}

void read_proxy_protocol(const Cursor& value, Upstream& upstream) {
  std::size_t version = 0;
  if (!value.read_choice(version, kProxyHeaders)) return;
  upstream.proxy_protocol = static_cast<ProxyHeader>(version);
  if (upstream.proxy_protocol == ProxyHeader::none) return;
  upstream.pool.max_requests = 1;
  if (upstream.protocol == Protocol::h2)
    value.problem("a connection that is introduced by a PROXY header is for one client: it cannot be HTTP/2");
}

}  // namespace

void read_upstream(const Cursor& map, const std::string& name, Upstream& upstream) {
  upstream.name = name;
  upstream.position = map.position();
  std::size_t balance = 0;
  Fields fields(map);
  if (auto value = fields.find("balance"); value && value->read_choice(balance, kBalances))
    upstream.balance = static_cast<Balance>(balance);
  fields.read("hash_by", upstream.hash_by);
  std::size_t protocol = 0;
  if (auto value = fields.find("protocol"); value && value->read_choice(protocol, kProtocols))
    upstream.protocol = static_cast<Protocol>(protocol);
  if (auto targets = fields.require("targets")) read_targets(*targets, upstream.targets);
  if (auto timeouts = fields.find("timeouts")) read_timeouts_of(*timeouts, upstream);
  if (auto pool = fields.find("pool")) read_pool(*pool, upstream);
  if (auto http2 = fields.find("http2")) read_http2_of(*http2, upstream);
  fields.read_duration("resolve_interval", upstream.resolve_interval, 100, kDay);
  fields.read_bool("preserve_host", upstream.preserve_host);
  if (auto version = fields.find("proxy_protocol")) read_proxy_protocol(*version, upstream);
  if (auto tls = fields.find("tls")) read_upstream_tls(*tls, upstream.tls);
  fields.finish();
  check_hash_by(map, upstream);
  check_server_name(map, upstream);
}

void read_upstreams(const Cursor& section, std::vector<Upstream>& upstreams) {
  if (!section.is_map()) return;
  for (std::size_t i = 0; i < section.node().members.size(); ++i) {
    const auto& [name, node] = section.node().members[i];
    Cursor map = section.below(node, name);
    if (!is_name(name))
      map.problem_at(section.node().key_positions[i], "an upstream's name has letters, digits, \".\", \"_\" and \"-\"");
    read_upstream(map, name, upstreams.emplace_back());
  }
}

}  // namespace postern::config
