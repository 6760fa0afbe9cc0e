// The building of a Router, a part of router.h for router_compile.cc alone.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "plan/router.h"

namespace postern::proxy {

class Router::Compiler {
 public:
  Compiler(Router& router, const std::vector<config::Route>& routes, config::Problems& problems,
           std::int64_t set_memory)
      : router_(router), routes_(routes), problems_(problems), set_memory_(set_memory) {}

  void add(std::uint32_t index);
  void finish();  // after all routes

 private:
  void gather_regexes(Host& host) const;  // to be asked at once
  void problem(std::string text) const;   // of the route being added
  bool too_many(const char* what) const;
  void add_match(const config::Match& match);
  bool compile_path(const config::Match& match, Entry& entry, config::PathPattern& pattern, std::string& path_key);
  bool compile_conditions(const config::Match& match, Entry& entry);
  bool add_tests(const std::vector<config::HeaderMatch>& matches, Test::Of of);
  static bool bits_of(const std::vector<std::string>& names, std::vector<std::string>& known, std::uint64_t& bits);
  bool is_repeated(const std::string& host, const std::string& path_key, const config::Match& match);
  Host& host_at(const std::string& host);
  std::uint32_t new_node();
  void insert(Host& host, const config::PathPattern& pattern, const Entry& entry);
  std::uint32_t parameter_child(std::uint32_t node);
  std::uint32_t static_child(std::uint32_t node, const std::string& segment);

  Router& router_;
  const std::vector<config::Route>& routes_;
  config::Problems& problems_;
  const std::int64_t set_memory_;
  std::uint32_t route_ = 0;
  std::unordered_map<std::string, std::uint32_t> seen_;  // what a match says, to its route
};

}  // namespace postern::proxy
