// Which route takes a request. Compiled once into trees by host and path segment, so that 10,000
// routes cost what 10 do.
//
// Of all routes whose conditions hold, the most specific one wins, whatever the order of writing:
//  1. host: an exact one, then the longest wildcard ("*.example.com": one label or more, not example.com itself),
//     then any;
//  2. path, segment by segment from the left: static text, then a parameter, then a trailing "*"; the end of a pattern
//     beats a "*" there. "/api/*" takes "/api", "/api/" and all below. A parameter takes one segment that is not empty;
//  3. regular expressions come after all other paths of the same host, in the written order alone;
//  4. of equal paths the one with more header, query and cookie conditions, a listener condition counting as one; then
//     the one written first.
// When a more specific route fails on its method or conditions the next one is tried. 405 is the answer when all that
// failed was the method; Allow then names the methods of all such routes. A route that allows GET allows HEAD.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "base/regex.h"
#include "base/regex_set.h"
#include "config/config.h"
#include "config/path_pattern.h"
#include "http/message.h"

namespace postern::proxy {

// The values of a path's {name} parts, or of a regular expression's named groups. Names live with the router, values
// are views into the request's path, the list is in the arena.
class PathParameters {
 public:
  static constexpr std::size_t kMax = config::PathPattern::kMaxParameters;
  struct One {
    std::string_view name;
    std::string_view value;
  };

  PathParameters() = default;
  explicit PathParameters(std::span<const One> all) noexcept : all_(all) {}
  std::span<const One> all() const noexcept { return all_; }
  static std::optional<std::string_view> find(std::span<const One> all, std::string_view name) noexcept {
    for (const One& one : all)
      if (one.name == name) return one.value;
    return std::nullopt;
  }
  std::optional<std::string_view> find(std::string_view name) const noexcept { return find(all_, name); }

 private:
  std::span<const One> all_;
};

struct RouteMatch {
  enum class Kind : std::uint8_t { found, not_found, method_not_allowed };
  Kind kind = Kind::not_found;
  std::uint32_t route = 0;    // found: its index in the list that was compiled
  PathParameters parameters;  // found
  std::string_view allow;     // method_not_allowed: "GET, HEAD, POST"; in the arena
};

// One route whose host and path take a request, in the order of trial, and why it did not win.
struct RouteCandidate {
  std::uint32_t route = 0;
  std::string pattern;  // host and path of the match that was reached: "*.example.com/users/{id}"
  std::string reason;   // empty for the winner
};

// Immutable after compile; for any thread. The routes it was compiled from need not live on.
class Router {
 public:
  static constexpr std::size_t kMaxMethods = 63;  // different ones, in all routes together; listeners too

  Router() = default;  // finds nothing
  // Reports paths and regular expressions that do not compile, and routes that match exactly the same requests.
  // `set_memory`: for the automaton that the regular expressions of one host share.
  static Router compile(const std::vector<config::Route>& routes, config::Problems& problems,
                        std::int64_t set_memory = RegexSet::kMaxMemory);

  // Takes from `arena` only for parameters, for Allow, and to decode a query value that is compared. The arena may be the
  // request's own.
  RouteMatch find(const http::RequestHead& request, std::string_view listener, Arena& arena) const;
  // For `postern explain`: slow, and in words.
  std::vector<RouteCandidate> explain(const http::RequestHead& request, std::string_view listener, Arena& arena) const;

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::uint64_t kAny = ~std::uint64_t{0};

  // A condition on a header, query parameter or cookie.
  struct Test {
    enum class Of : std::uint8_t { header, query, cookie };
    Of of = Of::header;
    config::HeaderMatch match;
    std::optional<Regex> regex;
  };
  // One path of one route on one host.
  struct Entry {
    std::uint32_t route = 0;
    std::uint64_t methods = kAny;    // bits of methods_
    std::uint64_t listeners = kAny;  // bits of listeners_
    std::uint32_t tests = 0;         // the first in tests_
    std::uint32_t test_count = 0;
    std::uint32_t rank = 0;               // number of conditions
    std::uint32_t regex = kNone;          // in regexes_; its named groups are the parameters
    std::vector<std::string> parameters;  // names, from left to right
    std::string pattern;                  // for people
  };
  // A place in a tree: what stands after some segments.
  struct Node {
    std::uint32_t parameter = kNone;      // the child that takes any one segment
    bool has_static = false;              // children in edges_
    std::vector<std::uint32_t> exact;     // entries whose pattern ends here
    std::vector<std::uint32_t> wildcard;  // entries whose pattern goes on with "*"
  };
  struct Host {
    std::uint32_t root = 0;
    std::vector<std::uint32_t> regexes;   // entries, in written order
    std::shared_ptr<const RegexSet> set;  // of the same, where there are several
  };
  // The static segments of all trees are one hash table, so that the number of siblings does not matter.
  struct EdgeView {
    std::uint32_t node;
    std::string_view segment;
  };
  struct Edge {
    std::uint32_t node = 0;
    std::string segment;
    operator EdgeView() const noexcept { return {node, segment}; }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    std::size_t operator()(const EdgeView& e) const noexcept {
      return std::hash<std::string_view>()(e.segment) ^ (e.node * std::size_t{0x9E3779B97F4A7C15});
    }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
    bool operator()(const EdgeView& a, const EdgeView& b) const noexcept {
      return a.node == b.node && a.segment == b.segment;
    }
  };

  struct Segment {  // of the request's path
    std::size_t begin, size;
  };

  class Compiler;  // router_compile.cc
  struct Request;  // router.cc, as are the others below
  template <class Visit>
  class Walk;

  template <class Visit>
  bool visit_entries(const Request& request, Visit&& visit) const;
  template <class Visit>
  bool visit_regexes(const Host& host, std::string_view path, Visit& visit) const;
  template <class In>
  bool visit_wildcard_hosts(std::string_view name, In&& in) const;
  bool takes_method(const Entry& entry, const Request& request) const noexcept;
  bool takes_listener(const Entry& entry, const Request& request) const noexcept;
  const Test* failing_test(const Entry& entry, const Request& request) const;  // null: all hold
  bool holds(const Test& test, const Request& request) const;
  std::string reason(const Entry& entry, const Request& request) const;
  std::string method_list(std::uint64_t methods) const;
  static PathParameters name_values(const Entry& entry, std::span<const Segment> values, const Request& request);
  static PathParameters name_groups(const Regex& regex, const Request& request);

  std::vector<Node> nodes_;
  std::unordered_map<Edge, std::uint32_t, Hash, Same> edges_;  // to the child of a static segment
  std::unordered_map<std::string, Host, Hash, Same> exact_hosts_;
  std::unordered_map<std::string, Host, Hash, Same> wildcard_hosts_;  // ".example.com"
  std::size_t most_labels_ = 0;                                       // of the wildcard hosts
  std::optional<Host> any_host_;
  std::vector<Entry> entries_;
  std::vector<Test> tests_;
  std::vector<Regex> regexes_;
  std::vector<std::string> methods_;
  std::vector<std::string> listeners_;
};

}  // namespace postern::proxy
