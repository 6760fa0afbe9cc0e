#include <postern/text/ascii.h>

#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

constexpr Milliseconds kDay = 86'400'000;
constexpr Bytes kTera = Bytes{1} << 40;

// "routes/users" once the id is known, "routes/3" before.
Cursor named_after_id(const Cursor& item) {
  const Node* id = item.node().kind == Node::Kind::map ? item.node().find("id") : nullptr;
  return id && is_name(id->string) ? item.renamed("routes/" + id->string) : item;
}

void read_id(Fields& fields, Route& route) {
  if (auto id = fields.require("id"); id && id->read(route.id) && !is_name(route.id))
    id->expected("an id of letters, digits, \".\", \"_\" and \"-\"");
}

void read_rewrite(const Cursor& map, Rewrite& rewrite) {
  Fields fields(map);
  bool has_path = fields.find("path").has_value();
  bool has_regex = fields.find("regex").has_value();
  bool has_replacement = fields.find("replacement").has_value();
  fields.read("path", rewrite.path);
  fields.read("regex", rewrite.regex);
  fields.read("replacement", rewrite.replacement);
  fields.finish();
  if (has_path == has_regex || has_regex != has_replacement)
    map.problem("expected either \"path\", or \"regex\" and \"replacement\"");
  if (has_path && !rewrite.path.empty() && rewrite.path[0] != '/')
    map.problem("\"path\" begins with \"/\", found " + shown(rewrite.path));
}

void read_paths_changed(Fields& fields, Route& route) {
  auto strip = fields.find("strip_prefix");
  if (strip && strip->read(route.strip_prefix)) {
    while (route.strip_prefix.size() > 1 && route.strip_prefix.back() == '/') route.strip_prefix.pop_back();
    if (route.strip_prefix[0] != '/' || route.strip_prefix == "/")
      strip->expected("a path such as \"/api\"", route.strip_prefix == "/" ? "leave it out to strip nothing" : "");
  }
  auto rewrite = fields.find("rewrite");
  if (rewrite) read_rewrite(*rewrite, route.rewrite);
  if (strip && rewrite && !route.rewrite.path.empty())
    rewrite->problem("\"rewrite: {path}\" replaces the whole path, so \"strip_prefix\" has no effect; remove one");
}

// A name, or an upstream written in place.
void read_upstream_use(const Cursor& value, Route& route, std::vector<Upstream>& upstreams) {
  route.upstream_position = value.position();
  if (value.node().kind != Node::Kind::map) {
    if (value.node().kind == Node::Kind::string)
      value.read(route.upstream);
    else
      value.expected("an upstream's name, or a map with \"targets\"");
    return;
  }
  route.upstream = "route:" + route.id;
  read_upstream(value, route.upstream, upstreams.emplace_back());
}

void read_route_limits(Fields& fields, Route& route) {
  Milliseconds ms = 0;
  Bytes bytes = 0;
  if (auto value = fields.find("timeout"); value && value->read_duration(ms, 1, kDay)) route.timeout = ms;
  if (auto value = fields.find("body_limit"); value && value->read_size(bytes, 0, kTera)) route.body_limit = bytes;
  if (auto value = fields.find("body_read_timeout"); value && value->read_duration(ms, 0, kDay))
    route.body_read_timeout = ms;
  if (auto value = fields.find("response_body_timeout"); value && value->read_duration(ms, 0, kDay))
    route.response_body_timeout = ms;
}

// HTTP/2 is no protocol to change to: what a client would say in it would pass as a tunnel's bytes, past every plugin.
void read_upgrade(const Cursor& value, std::vector<std::string>& protocols) {
  if (!value.is_list()) return;
  protocols.clear();
  for (const Cursor& item : value.items()) {
    std::string protocol;
    if (!item.read(protocol)) continue;
    std::string lower = to_lower(protocol);
    if (!is_token(protocol))
      item.expected("a protocol such as \"websocket\"");
    else if (lower == "h2c" || lower == "h2" || lower == "http")
      item.problem("\"" + protocol + "\" cannot be tunnelled: its requests would pass by every plugin");
    else
      protocols.push_back(std::move(lower));
  }
}

void read_tunnel(const Cursor& section, Tunnel& tunnel) {
  Fields fields(section);
  fields.read_duration("idle_timeout", tunnel.idle_timeout, 0, kDay);
  fields.read_integer("max", tunnel.max, 0, 10'000'000);
  fields.read_duration("ping_interval", tunnel.ping_interval, 0, kDay);
  fields.read_duration("reload_close", tunnel.reload_close, 0, kDay);
  fields.finish();
}

void read_route(const Cursor& item, Chains& chains, Route& route, std::vector<Upstream>& upstreams) {
  route.position = item.position();
  Fields fields(item);
  read_id(fields, route);
  if (auto match = fields.require("match")) read_match(*match, route.matches);
  read_paths_changed(fields, route);
  if (auto upstream = fields.find("upstream")) read_upstream_use(*upstream, route, upstreams);
  read_route_limits(fields, route);
  if (auto upgrade = fields.find("upgrade")) read_upgrade(*upgrade, route.upgrade);
  if (auto tunnel = fields.find("tunnel")) read_tunnel(*tunnel, route.tunnel);
  if (auto streaming = fields.find("streaming")) read_streaming(*streaming, route.streaming.what);
  if (auto plugins = fields.find("plugins")) chains.read_chain(*plugins, route.plugins, route.streaming);
  fields.finish();
}

}  // namespace

void read_routes(const Cursor& section, Chains& chains, Config& config) {
  if (!section.is_list()) return;
  for (const Cursor& item : section.items()) {
    Route& route = config.routes.emplace_back();
    read_route(named_after_id(item), chains, route, config.upstreams);
    if (config.streaming.what > route.streaming.what) route.streaming = config.streaming;
  }
}

}  // namespace postern::config
