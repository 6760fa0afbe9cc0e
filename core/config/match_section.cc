// A route's `match`.
#include <postern/text/ascii.h>

#include <algorithm>

#include "config/names.h"
#include "config/path_pattern.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

constexpr std::size_t kMaxPaths = 256;

void read_hosts(const Cursor& value, std::vector<std::string>& hosts) {
  if (!value.read_strings(hosts)) return;
  for (std::string& host : hosts) {
    std::string problem;
    if (!is_host_pattern(host, problem)) value.problem(problem);
    host = to_lower(host);
  }
}

void read_methods(const Cursor& value, std::vector<std::string>& methods) {
  if (!value.read_strings(methods)) return;
  for (const std::string& method : methods) {
    bool upper = std::none_of(method.begin(), method.end(), is_lower);
    if (!is_token(method) || method.size() > 32 || !upper)
      value.problem("expected a method in upper case, as in GET, found " + shown(method));
  }
}

void read_paths(const Cursor& value, std::vector<std::string>& paths) {
  if (!value.read_strings(paths)) return;
  if (paths.size() > kMaxPaths) value.problem("a route has at most 256 paths, found " + std::to_string(paths.size()));
  for (const std::string& path : paths) {
    PathPattern pattern;
    std::string problem;
    if (!parse_path_pattern(path, pattern, problem)) value.problem(problem);
  }
}

// {present: true} {exact: x} {prefix: x} {regex: x}, each with `not: true` for the opposite.
void read_condition_map(const Cursor& map, HeaderMatch& match) {
  Fields fields(map);
  int tests = 0;
  bool present = true;
  if (auto value = fields.find("present"); value && ++tests) {
    value->read_bool(present);
    match.how = HeaderMatch::How::present;
  }
  auto text = [&](std::string_view key, HeaderMatch::How how) {
    if (auto value = fields.find(key); value && ++tests) {
      value->read(match.value);
      match.how = how;
    }
  };
  text("exact", HeaderMatch::How::exact);
  text("prefix", HeaderMatch::How::prefix);
  text("regex", HeaderMatch::How::regex);
  fields.read_bool("not", match.negate);
  fields.finish();
  if (!present) match.negate = !match.negate;
  if (tests != 1) map.problem("expected one of \"present\", \"exact\", \"prefix\" and \"regex\"");
}

void read_conditions(const Cursor& section, std::vector<HeaderMatch>& conditions) {
  if (!section.is_map()) return;
  for (std::size_t i = 0; i < section.node().members.size(); ++i) {
    const auto& [name, node] = section.node().members[i];
    Cursor value = section.below(node, name);
    HeaderMatch match;
    match.name = name;
    if (node.kind == Node::Kind::map) {
      read_condition_map(value, match);
    } else if (value.read(match.value)) {
      match.how = HeaderMatch::How::exact;
    }
    conditions.push_back(std::move(match));
  }
}

// Field and cookie names are tokens; query parameters may be called anything.
void check_names(const Cursor& section) {
  for (std::size_t i = 0; i < section.node().members.size(); ++i) {
    const std::string& name = section.node().members[i].first;
    if (!is_token(name)) section.problem_at(section.node().key_positions[i], "expected a name, found " + shown(name));
  }
}

}  // namespace

void read_match(const Cursor& map, std::vector<Match>& matches) {
  Match match;
  std::vector<std::string> paths = {"/*"};
  Fields fields(map);
  if (auto hosts = fields.find("host")) read_hosts(*hosts, match.hosts);
  auto path = fields.find("path");
  if (path) read_paths(*path, paths);
  auto regex = fields.find("path_regex");
  if (regex) regex->read(match.path_regex);
  if (path && regex) map.problem("\"path\" and \"path_regex\" exclude each other");
  if (auto methods = fields.find("methods")) read_methods(*methods, match.methods);
  fields.read_strings("listener", match.listeners);
  if (auto headers = fields.find("headers")) {
    read_conditions(*headers, match.headers);
    check_names(*headers);
  }
  if (auto query = fields.find("query")) read_conditions(*query, match.query);
  if (auto cookies = fields.find("cookies")) {
    read_conditions(*cookies, match.cookies);
    check_names(*cookies);
  }
  fields.finish();
  if (regex) paths = {""};
  for (std::string& one : paths) {
    match.path = std::move(one);
    matches.push_back(match);
  }
}

}  // namespace postern::config
