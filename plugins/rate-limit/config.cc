#include "config.h"

#include <postern/text/ascii.h>

#include <algorithm>
#include <array>
#include <optional>

#include "limit_key.h"
#include "window_log.h"

namespace {

// Of two words for one thing. Both at once are an error.
postern::Node either(postern::Setup& setup, postern::Node node, std::string_view word, std::string_view other) {
  if (node[word] && node[other]) {
    setup.error(node[other], "is another word for \"" + std::string(word) + "\", which is there too");
  }
  return node[word] ? node[word] : node[other];
}

struct Spelling {
  std::string_view key;
  std::uint64_t window_ms;  // 0: `window` says
};
constexpr Spelling kSpellings[] = {{"limit", 0},
                                   {"requests", 0},
                                   {"requests_per_second", 1'000},
                                   {"requests_per_minute", 60'000},
                                   {"requests_per_hour", 3'600'000}};

void read_rate(postern::Setup& setup, postern::Node node, Rule& rule) {
  const Spelling* spelling = nullptr;
  for (const Spelling& s : kSpellings) {
    if (!node[s.key]) continue;
    if (spelling != nullptr) setup.error(node[s.key], "\"" + std::string(spelling->key) + "\" says the rate already");
    spelling = &s;
  }
  if (spelling == nullptr) {
    setup.error(node, "needs a rate: limit and window, requests_per_second, requests_per_minute or requests_per_hour");
    return;
  }
  if (spelling->window_ms != 0 && node["window"])
    setup.error(node["window"], "\"" + std::string(spelling->key) + "\" has its window in its name");
  if (spelling->window_ms == 0 && !node["window"])
    setup.error(node[spelling->key], "needs a window beside it, such as 60s");
  rule.limit = static_cast<std::uint64_t>(node[spelling->key].integer());
  rule.window_ms =
      spelling->window_ms != 0 ? spelling->window_ms : static_cast<std::uint64_t>(node["window"].integer(1));
}

void read_algorithm(postern::Setup& setup, postern::Node node, Rule& rule) {
  auto name = node["algorithm"].string();
  rule.algorithm = name == "sliding_window"    ? Algorithm::sliding_window
                   : name == "sliding_counter" ? Algorithm::sliding_counter
                                               : Algorithm::token_bucket;
  auto burst = either(setup, node, "burst", "burst_size");
  rule.burst = burst ? static_cast<std::uint64_t>(burst.integer()) : rule.limit;
  if (burst && rule.algorithm != Algorithm::token_bucket) setup.error(burst, "only a token_bucket has a burst");
  if (rule.algorithm != Algorithm::sliding_window) return;
  if (rule.limit > WindowLog::kMaxLimit)
    setup.error(node,
                "a sliding_window remembers each request: its limit is at most 10000; use sliding_counter beyond");
  if (rule.window_ms > WindowLog::kMaxWindowMs)
    setup.error(node, "a sliding_window is a day long at most; use sliding_counter beyond");
}

Dimension with_variable(Dimension::Kind kind, postern::Variable variable) { return {kind, {}, variable}; }

Dimension read_named(postern::Setup& setup, postern::Node node) {
  auto name = node.string();
  if (name == "global") return {Dimension::Kind::global, {}, {}};
  if (name == "route") return with_variable(Dimension::Kind::route, setup.variable("route.id"));
  if (name == "ip") return with_variable(Dimension::Kind::ip, setup.variable("client.ip"));
  return with_variable(Dimension::Kind::consumer,
                       setup.consumes("consumer.id", "a limit is counted by consumer; by: ip needs nobody"));
}

Dimension read_dimension(postern::Setup& setup, postern::Node node) {
  if (node["header"]) return {Dimension::Kind::header, std::string(node["header"].string()), {}};
  if (!node["variable"]) return read_named(setup, node);
  std::string name(node["variable"].string());
  auto variable = setup.consumes(name, "a limit is counted by it");
  if (!variable.valid()) setup.error(node["variable"], "is no name of a variable");
  return with_variable(Dimension::Kind::variable, variable);
}

// What metrics and keys call it.
std::string label_of(postern::Node node) {
  if (node["header"]) return "header:" + postern::to_lower(node["header"].string());
  if (node["variable"]) return "variable:" + std::string(node["variable"].string());
  bool is_consumer = node.string() == "user" || node.string() == "api_key";
  return is_consumer ? "consumer" : std::string(node.string());
}

void read_by(postern::Setup& setup, postern::Node node, Rule& rule) {
  auto by = either(setup, node, "by", "dimension");
  if (!by) {
    rule.by = {with_variable(Dimension::Kind::ip, setup.variable("client.ip"))};
    rule.label = "ip";
  } else if (!by.is(postern::Node::Kind::list)) {
    rule.by = {read_dimension(setup, by)};
    rule.label = label_of(by);
  } else {
    for (auto item : by) {
      rule.by.push_back(read_dimension(setup, item));
      rule.label += (rule.label.empty() ? "" : "+") + label_of(item);
    }
  }
}

Rule read_rule(postern::Setup& setup, postern::Node node) {
  Rule rule;
  read_rate(setup, node, rule);
  read_algorithm(setup, node, rule);
  read_by(setup, node, rule);
  return rule;
}

bool is_single(postern::Node config) {
  static constexpr std::string_view kOthers[] = {"window", "burst", "burst_size", "algorithm", "by", "dimension"};
  return std::any_of(std::begin(kSpellings), std::end(kSpellings),
                     [&](const auto& s) { return config[s.key].exists(); }) ||
         std::any_of(std::begin(kOthers), std::end(kOthers), [&](auto key) { return config[key].exists(); });
}

// Keys outlive this generation: a limit that is changed, or gets neighbours, keeps its counts. So a key says where the
// instance stands, what the limit counts by and the how-many-th of these it is, but not how much it allows.
void give_key_prefixes(const postern::Instance& instance, std::vector<Rule>& rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto alike = std::count_if(rules.begin(), rules.begin() + static_cast<std::ptrdiff_t>(i), [&](const Rule& other) {
      return other.label == rules[i].label && other.algorithm == rules[i].algorithm;
    });
    static constexpr std::string_view kLetters = "bwc";
    std::string& prefix = rules[i].key_prefix;
    prefix.append(instance.scope()).append("/").append(instance.name()).append("/");
    prefix += kLetters[static_cast<std::size_t>(rules[i].algorithm)];
    prefix.append(std::to_string(alike)).append("/").append(rules[i].label).push_back('\0');
  }
}

}  // namespace

Settings read_settings(postern::Setup& setup, postern::Node config) {
  Settings settings;
  auto several = either(setup, config, "limits", "rate_limits");
  if (several && is_single(config)) setup.error(several, "move the limit that stands beside it into this list");
  for (auto node : several) settings.rules.push_back(read_rule(setup, node));
  if (!several) settings.rules.push_back(read_rule(setup, config));
  give_key_prefixes(setup.instance(), settings.rules);
  for (const Rule& rule : settings.rules)  // the rest of a key is for the values
    if (rule.key_prefix.size() > LimitKey::kMaxSize - 256) setup.error(config, "its names are too long for a key");
  settings.ipv6_prefix = static_cast<unsigned>(config["ipv6_prefix"].integer());
  settings.anonymous_by_ip = config["anonymous_key"].string() == "ip";
  settings.headers = config["headers"].boolean();
  settings.memory = static_cast<std::uint64_t>(config["memory"].integer());
  return settings;
}
