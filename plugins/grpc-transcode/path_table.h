// Which of many path templates takes a request. Where several do, a literal goes before "*", "*" before "**", and a verb before a
// template that would take the verb for a part of its last segment.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "path_template.h"

class PathTable {
 public:
  struct Found {
    std::optional<std::size_t> value;       // of the one that takes method and path
    std::vector<std::string_view> methods;  // when there is none: of those that take the path
  };

  // Nothing, or the value of the one that takes the same requests already.
  std::optional<std::size_t> add(const std::string& method, const PathTemplate& path, std::size_t value);
  // Time is bounded by the size of the table, and by the path as a rule.
  Found find(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    std::string verb, method;
    std::size_t value;
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> one, rest;
    std::vector<Entry> entries;
  };
  struct Search {
    std::string_view verb, method;
    const std::vector<std::string_view>& segments;
    Found found;
  };
  static bool search(const Node& node, std::size_t at, Search& search);
  static bool take(const Node& node, Search& search);

  Node root_;
};
