#include "cli/config_facts.h"

#include <fmt/core.h>

namespace postern::cli {
namespace {

using config::Node;

void add(Facts& facts, std::string key, std::string value) {
  if (!value.empty()) facts.emplace_back(std::move(key), std::move(value));
}
void add_duration(Facts& facts, std::string key, std::optional<std::int64_t> ms) {
  if (ms) add(facts, std::move(key), config::show_duration(*ms));
}

std::string joined(const std::vector<std::string>& words, std::string_view between = ", ") {
  std::string out;
  for (const auto& word : words) out.append(out.empty() ? "" : between).append(word);
  return out;
}

std::string text_of(const Node& node) {
  std::vector<std::string> parts;
  for (const auto& item : node.items) parts.push_back(text_of(item));
  for (const auto& [key, value] : node.members) parts.push_back(key + ": " + text_of(value));
  if (node.kind == Node::Kind::list) return "[" + joined(parts) + "]";
  if (node.kind == Node::Kind::map) return "{" + joined(parts) + "}";
  return node.string;
}

std::string text_of(const config::HeaderMatch& match) {
  static constexpr const char* kHow[] = {"is there", "is", "begins with", "matches"};
  return fmt::format("{}{} {} {}", match.negate ? "not " : "", match.name, kHow[static_cast<std::size_t>(match.how)],
                     match.value);
}

void add_conditions(Facts& facts, const char* key, const std::vector<config::HeaderMatch>& matches) {
  std::vector<std::string> texts;
  for (const auto& match : matches) texts.push_back(text_of(match));
  add(facts, key, joined(texts));
}

}  // namespace

std::string patterns_of(const config::Route& route) {
  std::vector<std::string> patterns;
  for (const auto& match : route.matches) {
    std::string path = match.path_regex.empty() ? match.path : "~" + match.path_regex;
    if (match.hosts.empty()) patterns.push_back(path);
    for (const auto& host : match.hosts) patterns.push_back(host + path);
  }
  return joined(patterns);
}

std::string chain_of(const std::vector<config::PluginUse>& plugins) {
  std::vector<std::string> names;
  for (const auto& use : plugins)
    if (use.enabled) names.push_back(use.name);
  return names.empty() ? "no plugins" : joined(names, " > ");
}

Facts facts_of(const config::Route& route) {
  Facts facts;
  add(facts, "match", patterns_of(route));
  if (!route.matches.empty()) {  // the others differ in their path alone
    const config::Match& match = route.matches.front();
    add(facts, "methods", joined(match.methods));
    add(facts, "listeners", joined(match.listeners));
    add_conditions(facts, "headers", match.headers);
    add_conditions(facts, "query", match.query);
    add_conditions(facts, "cookies", match.cookies);
  }
  add(facts, "upstream", route.upstream);
  add(facts, "strip_prefix", route.strip_prefix);
  add(facts, "rewrite",
      route.rewrite.path + route.rewrite.regex +
          (route.rewrite.regex.empty() ? "" : " -> " + route.rewrite.replacement));
  add_duration(facts, "timeout", route.timeout);
  if (route.body_limit) add(facts, "body_limit", config::show_size(*route.body_limit));
  add_duration(facts, "body_read_timeout", route.body_read_timeout);
  add_duration(facts, "response_body_timeout", route.response_body_timeout);
  if (route.streaming.what != config::Streaming::none)
    add(facts, "streaming", route.streaming.what == config::Streaming::both ? "both" : "response");
  add(facts, "upgrade", joined(route.upgrade));
  add(facts, "plugins", chain_of(route.plugins));
  return facts;
}

Facts facts_of(const config::Upstream& upstream) {
  static constexpr const char* kBalance[] = {"round_robin", "weighted_round_robin", "least_connections", "random",
                                             "ip_hash",     "consistent_hash"};
  static constexpr const char* kProtocol[] = {"http/1.1", "h2", "auto"};
  Facts facts;
  std::vector<std::string> targets;
  for (const auto& target : upstream.targets)
    targets.push_back(target.weight == 1 ? target.address
                                         : fmt::format("{} (weight {})", target.address, target.weight));
  add(facts, "targets", joined(targets));
  add(facts, "balance", kBalance[static_cast<std::size_t>(upstream.balance)]);
  add(facts, "hash_by", upstream.hash_by);
  add(facts, "protocol", kProtocol[static_cast<std::size_t>(upstream.protocol)]);
  add(facts, "tls", upstream.tls ? "yes" : "no");
  add_duration(facts, "timeouts.connect", upstream.timeouts.connect);
  add_duration(facts, "timeouts.response", upstream.timeouts.response);
  add_duration(facts, "timeouts.body", upstream.timeouts.body);
  add(facts, "pool.max_connections", std::to_string(upstream.pool.max_connections));
  add(facts, "preserve_host", upstream.preserve_host ? "true" : "false");
  return facts;
}

Facts facts_of(const config::PluginUse& use) {
  Facts facts;
  add(facts, "plugin", use.plugin);
  add(facts, "enabled", use.enabled ? "" : "false");
  add(facts, "when", use.when);
  add(facts, "on_error", use.fail_open ? "fail_open" : "");
  add(facts, "mode", use.shadow ? "shadow" : "");
  if (use.timeout > 0) add_duration(facts, "timeout", use.timeout);
  return facts;
}

Facts own_facts_of(const config::PluginUse& use) {
  Facts facts;
  for (const auto& [key, value] : use.config.members) add(facts, key, text_of(value));
  return facts;
}

}  // namespace postern::cli
