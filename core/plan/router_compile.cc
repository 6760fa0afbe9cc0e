// Building the trees of the router.
#include <algorithm>
#include <tuple>

#include "plan/router_compile.h"

namespace postern::proxy {
namespace {

// Texts with their lengths before them, so that no two different lists give the same key.
void append_key(std::string& key, std::string_view text) {
  key.append(std::to_string(text.size())).append(":").append(text);
}

void append_key(std::string& key, std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  key += '[';
  for (const std::string& text : texts) append_key(key, text);
  key += ']';
}

std::string key_of(const config::HeaderMatch& match) {
  std::string key(1, static_cast<char>('0' + static_cast<int>(match.how)));
  key += match.negate ? '!' : '=';
  append_key(key, match.name);
  append_key(key, match.value);
  return key;
}

void append_key(std::string& key, const std::vector<config::HeaderMatch>& matches) {
  std::vector<std::string> texts;
  for (const auto& match : matches) texts.push_back(key_of(match));
  append_key(key, std::move(texts));
}

}  // namespace

Router Router::compile(const std::vector<config::Route>& routes, config::Problems& problems, std::int64_t set_memory) {
  Router router;
  Compiler compiler(router, routes, problems, set_memory);
  for (std::uint32_t i = 0; i < routes.size(); ++i) compiler.add(i);
  compiler.finish();
  return router;
}

void Router::Compiler::add(std::uint32_t index) {
  route_ = index;
  for (const config::Match& match : routes_[index].matches) add_match(match);
}

// The most specific first; entries of equal rank stay in written order.
void Router::Compiler::finish() {
  auto by_rank = [&](std::uint32_t a, std::uint32_t b) { return router_.entries_[a].rank > router_.entries_[b].rank; };
  for (Node& node : router_.nodes_) {
    std::stable_sort(node.exact.begin(), node.exact.end(), by_rank);
    std::stable_sort(node.wildcard.begin(), node.wildcard.end(), by_rank);
  }
  for (auto* hosts : {&router_.exact_hosts_, &router_.wildcard_hosts_})
    for (auto& [name, host] : *hosts) gather_regexes(host);
  if (router_.any_host_) gather_regexes(*router_.any_host_);
}

void Router::Compiler::gather_regexes(Host& host) const {
  if (host.regexes.size() < 2) return;
  auto set = std::make_shared<RegexSet>(set_memory_);
  for (std::uint32_t number : host.regexes) set->add(router_.regexes_[router_.entries_[number].regex]);
  set->compile();
  host.set = std::move(set);
}

void Router::Compiler::problem(std::string text) const {
  const config::Route& route = routes_[route_];
  problems_.push_back({route.position, "routes/" + route.id + "/match", std::move(text)});
}

void Router::Compiler::add_match(const config::Match& match) {
  Entry entry;
  entry.route = route_;
  config::PathPattern pattern;
  std::string path_key;
  if (!compile_path(match, entry, pattern, path_key) || !compile_conditions(match, entry)) return;
  static const std::vector<std::string> kAnyHost = {""};
  for (const std::string& host : match.hosts.empty() ? kAnyHost : match.hosts) {
    entry.pattern = host + (match.path_regex.empty() ? match.path : "~" + match.path_regex);
    if (is_repeated(host, path_key, match)) continue;
    insert(host_at(host), pattern, entry);
  }
}

bool Router::Compiler::compile_path(const config::Match& match, Entry& entry, config::PathPattern& pattern,
                                    std::string& path_key) {
  if (!match.path_regex.empty()) {
    auto regex = Regex::compile(match.path_regex);
    if (!regex) {
      problem("path_regex: " + regex.error().text);
      return false;
    }
    entry.regex = static_cast<std::uint32_t>(router_.regexes_.size());
    router_.regexes_.push_back(std::move(*regex));
    path_key = "~" + match.path_regex;
    return true;
  }
  std::string text;
  if (!config::parse_path_pattern(match.path, pattern, text)) {
    problem(std::move(text));
    return false;
  }
  for (const auto& segment : pattern.segments)
    if (segment.parameter) entry.parameters.push_back(segment.text);
  path_key = pattern.canonical();
  return true;
}

bool Router::Compiler::compile_conditions(const config::Match& match, Entry& entry) {
  if (!bits_of(match.methods, router_.methods_, entry.methods)) return too_many("methods");
  if (!bits_of(match.listeners, router_.listeners_, entry.listeners)) return too_many("listeners");
  bool gets = std::find(match.methods.begin(), match.methods.end(), "GET") != match.methods.end();
  std::uint64_t head = 0;
  if (gets && !bits_of({"HEAD"}, router_.methods_, head)) return too_many("methods");
  entry.methods |= head;
  entry.tests = static_cast<std::uint32_t>(router_.tests_.size());
  bool good = add_tests(match.headers, Test::Of::header) && add_tests(match.query, Test::Of::query) &&
              add_tests(match.cookies, Test::Of::cookie);
  entry.test_count = static_cast<std::uint32_t>(router_.tests_.size()) - entry.tests;
  entry.rank = entry.test_count + (match.listeners.empty() ? 0 : 1);
  return good;
}

bool Router::Compiler::too_many(const char* what) const {
  problem("all routes together name more than " + std::to_string(kMaxMethods) + " different " + what);
  return false;
}

bool Router::Compiler::add_tests(const std::vector<config::HeaderMatch>& matches, Test::Of of) {
  for (const config::HeaderMatch& match : matches) {
    Test test{of, match, std::nullopt};
    if (match.how == config::HeaderMatch::How::regex) {
      auto regex = Regex::compile(match.value);
      if (!regex) {
        problem("the condition on " + match.name + ": " + regex.error().text);
        return false;
      }
      test.regex = std::move(*regex);
    }
    router_.tests_.push_back(std::move(test));
  }
  return true;
}

bool Router::Compiler::bits_of(const std::vector<std::string>& names, std::vector<std::string>& known,
                               std::uint64_t& bits) {
  if (names.empty()) return true;
  bits = 0;
  for (const std::string& name : names) {
    auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end() && known.size() >= kMaxMethods) return false;
    if (found == known.end()) found = known.insert(known.end(), name);
    bits |= std::uint64_t{1} << (found - known.begin());
  }
  return true;
}

bool Router::Compiler::is_repeated(const std::string& host, const std::string& path_key, const config::Match& match) {
  std::string key;
  append_key(key, host);
  append_key(key, path_key);
  append_key(key, match.methods);
  append_key(key, match.listeners);
  append_key(key, match.headers);
  append_key(key, match.query);
  append_key(key, match.cookies);
  auto [first, fresh] = seen_.emplace(std::move(key), route_);
  if (fresh) return false;
  const config::Route& other = routes_[first->second];
  std::string text = "matches the same requests as the route \"" + other.id + "\" at " + other.position.text();
  if (first->second == route_)
    text = "names " + (host.empty() ? "the path" : "the host " + host + " with the path") + " " +
           (match.path_regex.empty() ? match.path : match.path_regex) + " twice";
  problem(std::move(text));
  return true;
}

Router::Host& Router::Compiler::host_at(const std::string& host) {
  if (host.empty()) {
    if (!router_.any_host_) router_.any_host_ = Host{new_node(), {}, nullptr};
    return *router_.any_host_;
  }
  bool wildcard = host.starts_with("*.");
  auto& hosts = wildcard ? router_.wildcard_hosts_ : router_.exact_hosts_;
  std::string name = wildcard ? host.substr(1) : host;
  auto found = hosts.find(name);
  if (found != hosts.end()) return found->second;
  if (wildcard) {
    auto labels = static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
    router_.most_labels_ = std::max(router_.most_labels_, labels);
  }
  return hosts.emplace(std::move(name), Host{new_node(), {}, nullptr}).first->second;
}

std::uint32_t Router::Compiler::new_node() {
  router_.nodes_.emplace_back();
  return static_cast<std::uint32_t>(router_.nodes_.size() - 1);
}

void Router::Compiler::insert(Host& host, const config::PathPattern& pattern, const Entry& entry) {
  auto number = static_cast<std::uint32_t>(router_.entries_.size());
  router_.entries_.push_back(entry);
  if (entry.regex != kNone) {
    host.regexes.push_back(number);
    return;
  }
  std::uint32_t at = host.root;
  for (const auto& segment : pattern.segments)
    at = segment.parameter ? parameter_child(at) : static_child(at, segment.text);
  Node& node = router_.nodes_[at];
  (pattern.wildcard ? node.wildcard : node.exact).push_back(number);
}

std::uint32_t Router::Compiler::parameter_child(std::uint32_t node) {
  if (router_.nodes_[node].parameter == kNone) {
    std::uint32_t child = new_node();  // may move the nodes
    router_.nodes_[node].parameter = child;
  }
  return router_.nodes_[node].parameter;
}

std::uint32_t Router::Compiler::static_child(std::uint32_t node, const std::string& segment) {
  auto found = router_.edges_.find(EdgeView{node, segment});
  if (found != router_.edges_.end()) return found->second;
  std::uint32_t child = new_node();
  router_.edges_.emplace(Edge{node, segment}, child);
  router_.nodes_[node].has_static = true;
  return child;
}

}  // namespace postern::proxy
