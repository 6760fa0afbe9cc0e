#include "path_table.h"

#include <algorithm>
#include <utility>

std::optional<std::size_t> PathTable::add(const std::string& method, const PathTemplate& path, std::size_t value) {
  Node* node = &root_;
  for (const auto& segment : path.segments()) {
    auto& next = segment.kind == PathTemplate::Segment::Kind::literal ? node->literals[segment.text]
                 : segment.kind == PathTemplate::Segment::Kind::one   ? node->one
                                                                      : node->rest;
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  for (const auto& entry : node->entries)
    if (entry.verb == path.verb() && entry.method == method) return entry.value;
  node->entries.push_back({path.verb(), method, value});
  return std::nullopt;
}

PathTable::Found PathTable::find(std::string_view method, std::string_view path) const {
  if (path.empty() || path.front() != '/') return {};
  auto segments = split_path(path.substr(1));
  std::string_view last = segments.back();
  Search with_verb{{}, method, segments, {}};
  if (auto colon = last.rfind(':'); colon != std::string_view::npos) {
    with_verb.verb = last.substr(colon + 1);
    segments.back() = last.substr(0, colon);
    if (!with_verb.verb.empty() && search(root_, 0, with_verb)) return with_verb.found;
    segments.back() = last;
  }
  Search whole{{}, method, segments, std::move(with_verb.found)};
  search(root_, 0, whole);
  return whole.found;
}

// A node stands for one place in the path, so that none is visited twice.
bool PathTable::search(const Node& node, std::size_t at, Search& s) {
  if (at == s.segments.size()) return take(node, s) || (node.rest && take(*node.rest, s));
  std::string_view segment = s.segments[at];
  if (!segment.empty()) {
    auto literal = node.literals.find(segment);
    if (literal != node.literals.end() && search(*literal->second, at + 1, s)) return true;
    if (node.one && search(*node.one, at + 1, s)) return true;
  }
  return node.rest && take(*node.rest, s);
}

bool PathTable::take(const Node& node, Search& s) {
  for (const auto& entry : node.entries) {
    if (entry.verb != s.verb) continue;
    if (entry.method == s.method) {
      s.found.value = entry.value;
      return true;
    }
    auto& methods = s.found.methods;
    if (std::find(methods.begin(), methods.end(), entry.method) == methods.end()) methods.push_back(entry.method);
  }
  return false;
}
