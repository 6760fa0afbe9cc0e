// Prepares a configuration for validation: fills in defaults, applies formats, marks secrets, and reports what it can say better
// than a validator: unknown and missing keys, malformed durations. Used by schema.cc alone.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "config/config.h"
#include "plugin/schema.h"

namespace postern::plugin {

class SchemaWalk {
 public:
  SchemaWalk(const nlohmann::json& document, const Schema::Place& place, config::Problems& problems)
      : document_(document), place_(place), problems_(problems) {}

  void run(config::Node& root);  // the nodes do not move afterwards
  // The schema that applies to a node; null when only one of several alternatives might.
  const nlohmann::json* schema_of(const config::Node& node) const;
  bool reported(const config::Node& node) const { return reported_.contains(&node); }
  void report(const config::Node& node, const std::string& path, std::string text);

 private:
  void walk(const nlohmann::json& schema, config::Node& node, const std::string& path, int depth);
  void map(const nlohmann::json& schema, config::Node& node, const std::string& path, int depth);
  void member(const nlohmann::json& schema, config::Node& map, std::size_t index, const std::string& path, int depth);
  void unknown_key(const nlohmann::json& schema, config::Node& map, std::size_t index, const std::string& path);
  void fill_defaults(const nlohmann::json& schema, config::Node& map);
  void alternative(const nlohmann::json& branches, config::Node& node, const std::string& path, int depth);
  void format(const nlohmann::json& schema, config::Node& node, const std::string& path);
  void units(const nlohmann::json& schema, config::Node& node, const std::string& path);
  void regex(config::Node& node, const std::string& path);
  void upstream(config::Node& node, const std::string& path);
  const config::Position& position_of(const config::Node& node) const;

  const nlohmann::json& document_;
  const Schema::Place& place_;
  config::Problems& problems_;
  std::map<const config::Node*, const nlohmann::json*> schemas_;
  std::set<const config::Node*> reported_;
};

}  // namespace postern::plugin
