#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/config_facts.h"
#include "cli/dry_request.h"
#include "cli/sample_requests.h"
#include "plugin/admission.h"

namespace postern::cli {
namespace {

constexpr int kOpens = 3;

using plugin::Generation;

const config::Config& config_of(const Generation& generation) { return *generation.plan()->config; }

// ---- What has changed --------------------------------------------------------------------------------------------------

const std::string* find(const Facts& facts, const std::string& key) {
  auto found = std::find_if(facts.begin(), facts.end(), [&](const auto& fact) { return fact.first == key; });
  return found == facts.end() ? nullptr : &found->second;
}

// Calls use(key, was, is) for each fact that differs; null: not set. How many do.
template <class Use>
std::size_t each_change(const Facts& before, const Facts& after, Use use) {
  std::size_t changes = 0;
  auto compare = [&](const std::string& key, const std::string* was, const std::string* is) {
    if (was != nullptr && is != nullptr && *was == *is) return;
    use(key, was, is);
    ++changes;
  };
  for (const auto& [key, value] : before) compare(key, &value, find(after, key));
  for (const auto& [key, value] : after)
    if (find(before, key) == nullptr) compare(key, nullptr, &value);
  return changes;
}

// "~ routes/users: timeout was 10s, is 5s", a line for each fact. How many.
std::size_t print_changes(const std::string& thing, const Facts& before, const Facts& after) {
  auto shown = [](const std::string* value) { return value != nullptr ? *value : std::string("not set"); };
  return each_change(before, after, [&](const std::string& key, const std::string* was, const std::string* is) {
    fmt::print("~ {}: {} was {}, is {}\n", thing, key, shown(was), shown(is));
  });
}

// The keys alone: values of plugins may be secrets.
std::size_t print_changed_keys(const std::string& thing, const Facts& before, const Facts& after) {
  return each_change(before, after, [&](const std::string& key, const std::string*, const std::string*) {
    fmt::print("~ {}: {} has changed\n", thing, key);
  });
}

// Two lists of things with names. `told` describes one that came or went, `changes` prints what differs. How many lines.
template <class Thing, class Name, class Told, class Changes>
std::size_t print_differences(const std::string& kind, const std::vector<Thing>& before,
                              const std::vector<Thing>& after, Name name, Told told, Changes changes) {
  std::size_t lines = 0;
  auto find = [&](const std::vector<Thing>& list, const Thing& thing) {
    auto same = [&](const Thing& other) { return name(other) == name(thing); };
    auto found = std::find_if(list.begin(), list.end(), same);
    return found == list.end() ? nullptr : &*found;
  };
  for (const Thing& thing : before) {
    const Thing* now = find(after, thing);
    if (now != nullptr) {
      lines += changes(kind + name(thing), thing, *now);
      continue;
    }
    fmt::print("- {}{}: {}\n", kind, name(thing), told(thing));
    ++lines;
  }
  for (const Thing& thing : after) {
    if (find(before, thing) != nullptr) continue;
    fmt::print("+ {}{}: {}\n", kind, name(thing), told(thing));
    ++lines;
  }
  return lines;
}

std::size_t print_plugins(const std::string& list, const std::vector<config::PluginUse>& before,
                          const std::vector<config::PluginUse>& after) {
  return print_differences(
      list + "/", before, after, [](const auto& use) { return use.name; },
      [](const auto& use) { return use.plugin + (use.shadow ? ", in shadow mode" : ""); },
      [](const std::string& thing, const auto& was, const auto& is) {
        return print_changes(thing, facts_of(was), facts_of(is)) +
               print_changed_keys(thing, own_facts_of(was), own_facts_of(is));
      });
}

std::size_t print_routes(const config::Config& before, const config::Config& after) {
  return print_differences(
      "routes/", before.routes, after.routes, [](const auto& route) { return route.id; },
      [](const auto& route) {
        return patterns_of(route) + " -> " + (route.upstream.empty() ? "a plugin" : route.upstream) + "; " +
               chain_of(route.plugins);
      },
      [](const std::string& thing, const auto& was, const auto& is) {
        return print_changes(thing, facts_of(was), facts_of(is)) +
               print_plugins(thing + "/plugins", was.plugins, is.plugins);
      });
}

std::size_t print_upstreams(const config::Config& before, const config::Config& after) {
  return print_differences(
      "upstreams/", before.upstreams, after.upstreams, [](const auto& upstream) { return upstream.name; },
      [](const auto& upstream) { return facts_of(upstream).front().second; },
      [](const std::string& thing, const auto& was, const auto& is) {
        return print_changes(thing, facts_of(was), facts_of(is));
      });
}

std::size_t print_chain(const std::string& name, const std::vector<config::PluginUse>& before,
                        const std::vector<config::PluginUse>& after) {
  return print_changes(name, {{"order", chain_of(before)}}, {{"order", chain_of(after)}}) +
         print_plugins(name, before, after);
}

// ---- Who gets in -------------------------------------------------------------------------------------------------------

// Which route takes a request, and whether anonymous ones pass there; nothing when none takes it.
struct Outcome {
  std::string route;
  plugin::Admission admission;
};
std::optional<Outcome> outcome_of(const Generation& generation, const SampleRequest& sample, Arena& arena) {
  DryRequest request(arena, sample.listener);
  if (!request.parse(sample.method, sample.url, sample.headers)) return std::nullopt;
  const auto& plan = *generation.plan();
  auto match = plan.router.find(request.head(), request.listener_name(), arena);
  if (match.kind != proxy::RouteMatch::Kind::found) return std::nullopt;
  return Outcome{plan.routes[match.route].config->id, plugin::admission_of(generation.chain_of(match.route))};
}

// Routes whose paths are regular expressions are compared by their names.
std::vector<std::string> opened_by_name(const Generation& before, const Generation& after) {
  std::vector<std::string> opened;
  const auto& old_routes = config_of(before).routes;
  const auto& new_routes = config_of(after).routes;
  for (std::size_t i = 0; i < new_routes.size(); ++i) {
    auto was =
        std::find_if(old_routes.begin(), old_routes.end(), [&](const auto& r) { return r.id == new_routes[i].id; });
    if (was == old_routes.end()) continue;
    auto now = plugin::admission_of(after.chain_of(i));
    auto old_index = static_cast<std::size_t>(was - old_routes.begin());
    if (now.anonymous && !plugin::admission_of(before.chain_of(old_index)).anonymous)
      opened.push_back(fmt::format("{} to anonymous requests (route {}: {})", patterns_of(new_routes[i]),
                                   new_routes[i].id, now.told));
  }
  return opened;
}

// Whatever the routes are called: what a request that was refused comes to now.
std::vector<std::string> opened_by_request(const Generation& before, const Generation& after) {
  std::vector<std::string> opened;
  BlockPool blocks;
  Arena arena(blocks);
  auto samples = sample_requests(config_of(before));
  auto later = sample_requests(config_of(after));
  samples.insert(samples.end(), later.begin(), later.end());
  for (const auto& sample : samples) {
    auto was = outcome_of(before, sample, arena), is = outcome_of(after, sample, arena);
    if (!was || !is || was->admission.anonymous || !is->admission.anonymous) continue;
    opened.push_back(
        fmt::format("{} to anonymous requests (route {}: {})", sample.pattern, is->route, is->admission.told));
  }
  return opened;
}

int print_opened(const Generation& before, const Generation& after) {
  std::set<std::string> opened;
  for (auto find : {&opened_by_request, &opened_by_name})
    for (auto& one : find(before, after)) opened.insert(std::move(one));
  for (const auto& one : opened) fmt::print("! this opens {}\n", one);
  return opened.empty() ? 0 : kOpens;
}

int diff(const Generation& before, const Generation& after) {
  const auto& was = config_of(before);
  const auto& is = config_of(after);
  std::size_t lines = print_routes(was, is) + print_upstreams(was, is) +
                      print_chain("plugins", was.plugins, is.plugins) +
                      print_chain("services", was.services, is.services);
  if (lines == 0) fmt::print("routes, chains and upstreams are the same\n");
  return print_opened(before, after);
}

}  // namespace

int diff_command(const DiffOptions& options) {
  auto before = load_generation(options.before);
  auto after = load_generation(options.after);
  int code = before == nullptr || after == nullptr ? 1 : diff(*before, *after);
  before.reset();
  after.reset();
  shutdown_logging();
  return code;
}

}  // namespace postern::cli
