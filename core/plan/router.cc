#include "plan/router.h"

#include <postern/text/pairs.h>

#include <algorithm>

#include "plan/request_values.h"

namespace postern::proxy {

// A request while it is being routed.
struct Router::Request {
  const http::RequestHead& head;
  std::string_view listener;
  Arena& arena;
  std::uint64_t method_bit = 0;    // 0: no route names it
  std::uint64_t listener_bit = 0;  // the same

  Request(const Router& router, const http::RequestHead& h, std::string_view l, Arena& a)
      : head(h),
        listener(l),
        arena(a),
        method_bit(bit_of(h.method, router.methods_)),
        listener_bit(bit_of(l, router.listeners_)) {}

  static std::uint64_t bit_of(std::string_view name, const std::vector<std::string>& known) noexcept {
    for (std::size_t i = 0; i < known.size(); ++i)
      if (known[i] == name) return std::uint64_t{1} << i;
    return 0;
  }
};

// Goes through one tree with a path, from the most specific pattern to the least. The depth is that of the deepest
// pattern, however long the path.
template <class Visit>
class Router::Walk {
 public:
  Walk(const Router& router, std::string_view path, Visit& visit) noexcept
      : router_(router), path_(path), visit_(visit) {}

  // `begin` is where the next segment begins; beyond the end of the path when there is none left. True: visit said
  // stop.
  bool at(std::uint32_t number, std::size_t begin) {
    const Node& node = router_.nodes_[number];
    if (begin > path_.size()) return offer(node.exact) || offer(node.wildcard);
    if (!node.has_static && node.parameter == kNone) return offer(node.wildcard);
    Segment segment{begin, std::min(path_.find('/', begin), path_.size()) - begin};
    return (node.has_static && into_static(number, segment)) || into_parameter(node, segment) || offer(node.wildcard);
  }

 private:
  bool into_static(std::uint32_t number, Segment segment) {
    auto child = router_.edges_.find(EdgeView{number, path_.substr(segment.begin, segment.size)});
    return child != router_.edges_.end() && at(child->second, segment.begin + segment.size + 1);
  }

  bool into_parameter(const Node& node, Segment segment) {
    if (node.parameter == kNone || segment.size == 0) return false;
    values_[count_++] = segment;  // a pattern has no more parameters than there is room
    bool stopped = at(node.parameter, segment.begin + segment.size + 1);
    --count_;
    return stopped;
  }

  bool offer(const std::vector<std::uint32_t>& entries) {
    for (std::uint32_t number : entries)
      if (visit_(router_.entries_[number], std::span<const Segment>(values_.data(), count_))) return true;
    return false;
  }

  const Router& router_;
  std::string_view path_;
  Visit& visit_;
  std::array<Segment, PathParameters::kMax> values_;  // the first count_ ones
  std::size_t count_ = 0;
};

// Calls visit(entry, parameter values) for every entry whose host and path take the request, in the order of trial,
// until it returns true.
template <class Visit>
bool Router::visit_entries(const Request& request, Visit&& visit) const {
  std::string_view path = request.head.path;
  auto in = [&](const Host& host) {
    Walk<Visit> walk(*this, path, visit);
    // "*" (OPTIONS for the whole server) has no segments: only "/*" takes it.
    if (path == "*" ? walk.at(host.root, path.size() + 1) : walk.at(host.root, 1)) return true;
    return visit_regexes(host, path, visit);
  };
  if (!exact_hosts_.empty() || !wildcard_hosts_.empty()) {
    std::string_view name = host_of(request.head.authority);
    if (auto exact = exact_hosts_.find(name); exact != exact_hosts_.end() && in(exact->second)) return true;
    if (most_labels_ > 0 && visit_wildcard_hosts(name, in)) return true;
  }
  return any_host_ && in(*any_host_);
}

template <class Visit>
bool Router::visit_regexes(const Host& host, std::string_view path, Visit& visit) const {
  auto offer = [&](std::uint32_t number) { return visit(entries_[number], std::span<const Segment>()); };
  if (host.set != nullptr) {
    for (int place : host.set->matching(path))
      if (offer(host.regexes[static_cast<std::size_t>(place)])) return true;
    return false;
  }
  for (std::uint32_t number : host.regexes)
    if (regexes_[entries_[number].regex].matches(path) && offer(number)) return true;
  return false;
}

// Calls in(host) for the wildcard hosts that take the name, the longest first, until it returns true. Only the last
// labels can be part of a wildcard host, however long the name is.
template <class In>
bool Router::visit_wildcard_hosts(std::string_view name, In&& in) const {
  std::array<std::size_t, 128> dots;  // a host name has no more labels
  std::size_t count = 0;
  std::size_t most = std::min(most_labels_, dots.size());
  for (std::size_t end = name.size(); end > 0 && count < most;) {
    end = name.rfind('.', end - 1);
    if (end == std::string_view::npos || end == 0) break;
    dots[count++] = end;
  }
  while (count > 0) {
    auto found = wildcard_hosts_.find(name.substr(dots[--count]));
    if (found != wildcard_hosts_.end() && in(found->second)) return true;
  }
  return false;
}

bool Router::takes_method(const Entry& entry, const Request& request) const noexcept {
  return entry.methods == kAny || (entry.methods & request.method_bit) != 0;
}

bool Router::takes_listener(const Entry& entry, const Request& request) const noexcept {
  return entry.listeners == kAny || (entry.listeners & request.listener_bit) != 0;
}

const Router::Test* Router::failing_test(const Entry& entry, const Request& request) const {
  for (std::uint32_t i = entry.tests; i < entry.tests + entry.test_count; ++i)
    if (!holds(tests_[i], request)) return &tests_[i];
  return nullptr;
}

namespace {

bool value_holds(const config::HeaderMatch& match, const std::optional<Regex>& regex, std::string_view value) {
  switch (match.how) {
    case config::HeaderMatch::How::present:
      return true;
    case config::HeaderMatch::How::exact:
      return value == match.value;
    case config::HeaderMatch::How::prefix:
      return value.starts_with(match.value);
    case config::HeaderMatch::How::regex:
      return regex->matches(value);
  }
  return false;
}

std::string words_of(const config::HeaderMatch& match) {
  std::string negation = match.negate ? "not " : "";
  switch (match.how) {
    case config::HeaderMatch::How::present:
      return match.negate ? "to be absent" : "to be present";
    case config::HeaderMatch::How::exact:
      return negation + "\"" + match.value + "\"";
    case config::HeaderMatch::How::prefix:
      return negation + "to begin with \"" + match.value + "\"";
    case config::HeaderMatch::How::regex:
      return negation + "to match " + match.value;
  }
  return {};
}

}  // namespace

// Of a repeated field any may hold.
bool Router::holds(const Test& test, const Request& request) const {
  bool found = false;
  auto try_value = [&](std::string_view value) { found = found || value_holds(test.match, test.regex, value); };
  if (test.of == Test::Of::header) {
    for (const http::Field& field : request.head.headers.fields())
      if (http::same_name(field.name, test.match.name)) try_value(field.value);
  } else if (test.of == Test::Of::cookie) {
    if (auto value = find_cookie(request.head.headers, test.match.name)) try_value(*value);
  } else {
    if (auto value = find_parameter(request.head.query, test.match.name))
      try_value(decode_query_value(*value, request.arena));
  }
  return found != test.match.negate;
}

RouteMatch Router::find(const http::RequestHead& head, std::string_view listener, Arena& arena) const {
  Request request(*this, head, listener, arena);
  RouteMatch result;
  std::uint64_t allowed = 0;
  const Entry* winner = nullptr;
  visit_entries(request, [&](const Entry& entry, std::span<const Segment> values) {
    if (!takes_listener(entry, request) || failing_test(entry, request) != nullptr) return false;
    if (!takes_method(entry, request)) {
      allowed |= entry.methods;
      return false;
    }
    winner = &entry;
    if (!values.empty()) result.parameters = name_values(entry, values, request);
    return true;
  });
  if (winner == nullptr) {
    if (allowed == 0) return result;
    result.kind = RouteMatch::Kind::method_not_allowed;
    result.allow = arena.copy(method_list(allowed));
    return result;
  }
  result.kind = RouteMatch::Kind::found;
  result.route = winner->route;
  if (winner->regex != kNone) result.parameters = name_groups(regexes_[winner->regex], request);
  return result;
}

PathParameters Router::name_values(const Entry& entry, std::span<const Segment> values, const Request& request) {
  auto named = request.arena.array<PathParameters::One>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    named[i] = {entry.parameters[i], request.head.path.substr(values[i].begin, values[i].size)};
  return PathParameters(named);
}

PathParameters Router::name_groups(const Regex& regex, const Request& request) {
  std::array<std::string_view, Regex::kMaxGroups> groups{};
  if (regex.names().empty() || !regex.search(request.head.path, groups)) return {};
  auto named = request.arena.array<PathParameters::One>(std::min(regex.names().size(), PathParameters::kMax));
  for (std::size_t i = 0; i < named.size(); ++i) {
    const auto& [name, number] = regex.names()[i];
    named[i] = {name, groups[number]};
  }
  return PathParameters(named);
}

std::string Router::method_list(std::uint64_t methods) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < methods_.size(); ++i)
    if ((methods >> i & 1) != 0) names.push_back(methods_[i]);
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

std::string Router::reason(const Entry& entry, const Request& request) const {
  if (!takes_listener(entry, request)) {
    std::string names;
    for (std::size_t i = 0; i < listeners_.size(); ++i)
      if ((entry.listeners >> i & 1) != 0) names.append(names.empty() ? "" : ", ").append(listeners_[i]);
    return "only on the listener " + names;
  }
  if (const Test* test = failing_test(entry, request)) {
    static constexpr std::string_view kWhat[] = {"the header ", "the query parameter ", "the cookie "};
    return "expects " + std::string(kWhat[static_cast<std::size_t>(test->of)]) + test->match.name + " " +
           words_of(test->match);
  }
  if (!takes_method(entry, request)) return "takes only " + method_list(entry.methods);
  return {};
}

std::vector<RouteCandidate> Router::explain(const http::RequestHead& head, std::string_view listener,
                                            Arena& arena) const {
  Request request(*this, head, listener, arena);
  std::vector<RouteCandidate> candidates;
  bool won = false;
  visit_entries(request, [&](const Entry& entry, std::span<const Segment>) {
    RouteCandidate candidate{entry.route, entry.pattern, reason(entry, request)};
    if (candidate.reason.empty() && won) candidate.reason = "comes later: less specific, or written after the winner";
    won = won || candidate.reason.empty();
    candidates.push_back(std::move(candidate));
    return false;
  });
  return candidates;
}

}  // namespace postern::proxy
