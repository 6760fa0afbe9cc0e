#include "plugin/schema_walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/regex.h"
#include "config/report.h"
#include "plugin/schema_rewrite.h"
#include "plugin/schema_words.h"

namespace postern::plugin {
namespace {

using config::Node;
using Kind = config::Node::Kind;
using nlohmann::json;

constexpr int kDepth = 64;

bool is_scalar(const Node& node) {
  return node.kind != Kind::list && node.kind != Kind::map && node.kind != Kind::null;
}

Node from_json(const json& value, const config::Position& position) {
  Node node;
  node.position = position;
  node.string = value.is_string() ? value.get<std::string>() : value.dump();
  switch (value.type()) {
    case json::value_t::boolean:
      node.kind = Kind::boolean, node.boolean = value.get<bool>();
      break;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      node.kind = Kind::integer, node.integer = value.get<std::int64_t>();
      break;
    case json::value_t::number_float:
      node.kind = Kind::number, node.number = value.get<double>();
      break;
    case json::value_t::string:
      node.kind = Kind::string, node.quoted = true;
      break;
    case json::value_t::array:
      node.kind = Kind::list;
      for (const auto& item : value) node.items.push_back(from_json(item, position));
      break;
    case json::value_t::object:
      node.kind = Kind::map;
      for (const auto& [key, item] : value.items()) {
        node.members.emplace_back(key, from_json(item, position));
        node.key_positions.push_back(position);
      }
      break;
    default:
      break;
  }
  return node;
}

bool fits(const json& type, const Node& node) {
  switch (node.kind) {
    case Kind::null:
      return type == "null";
    case Kind::boolean:
      return type == "boolean";
    case Kind::integer:
      return type == "integer" || type == "number";
    case Kind::number:
      return type == "number";
    case Kind::string:
      return type == "string";
    case Kind::list:
      return type == "array";
    case Kind::map:
      return type == "object";
  }
  return false;
}

bool fits_type(const json& schema, const Node& node) {
  auto type = schema.find("type");
  if (type == schema.end()) return true;
  if (!type->is_array()) return fits(*type, node);
  return std::any_of(type->begin(), type->end(), [&](const json& t) { return fits(t, node); });
}

// Whether a branch of anyOf or oneOf is meant: by the kind of value, durations and sizes by their text too.
bool is_meant(const json& schema, const Node& node) {
  if (!schema.is_object()) return false;
  std::int64_t units = 0;
  if (is_duration(schema) && is_scalar(node)) return config::parse_duration_ms(node.string, units);
  if (is_size(schema) && is_scalar(node)) return config::parse_size(node.string, units);
  if (auto e = schema.find("enum"); e != schema.end())
    return std::any_of(e->begin(), e->end(), [&](const json& v) { return v.is_string() && v == node.string; });
  if (schema.contains("const") && schema["const"].is_string()) return schema["const"] == node.string;
  return fits_type(schema, node);
}

}  // namespace

void SchemaWalk::run(Node& root) { walk(document_, root, place_.path, 0); }

const json* SchemaWalk::schema_of(const Node& node) const {
  auto at = schemas_.find(&node);
  return at == schemas_.end() ? nullptr : at->second;
}

const config::Position& SchemaWalk::position_of(const Node& node) const {
  return node.position.line != 0 ? node.position : place_.position;
}

void SchemaWalk::report(const Node& node, const std::string& path, std::string text) {
  reported_.insert(&node);
  config::add_problem(problems_, position_of(node), path, std::move(text));
}

void SchemaWalk::walk(const json& given, Node& node, const std::string& path, int depth) {
  const json& schema = resolve_schema(document_, given);
  if (!schema.is_object() || depth > kDepth) return;
  schemas_.emplace(&node, &schema);
  // `1.10`, `0123` or `yes` without quotes, where only a string can be meant, is the text as it was written.
  bool text_wanted = schema.contains("type") && schema["type"] == "string";
  if (text_wanted && is_scalar(node)) node.kind = Kind::string;
  format(schema, node, path);
  if (node.kind == Kind::map) map(schema, node, path, depth);
  if (node.kind == Kind::list && schema.contains("items")) {
    const auto& items = schema["items"];
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      bool by_index = items.is_array();
      if (by_index && i >= items.size()) break;
      walk(by_index ? items[i] : items, node.items[i], path + "/" + std::to_string(i), depth + 1);
    }
  }
  if (schema.contains("allOf"))
    for (const auto& part : schema["allOf"]) walk(part, node, path, depth + 1);
  for (auto* key : {"anyOf", "oneOf"})
    if (schema.contains(key)) alternative(schema[key], node, path, depth);
}

void SchemaWalk::alternative(const json& branches, Node& node, const std::string& path, int depth) {
  const json* meant = nullptr;
  for (const auto& branch : branches) {
    const json& schema = resolve_schema(document_, branch);
    if (!is_meant(schema, node)) continue;
    if (meant != nullptr) return;  // several might be: the validator decides
    meant = &schema;
  }
  if (meant != nullptr) walk(*meant, node, path, depth + 1);
}

void SchemaWalk::map(const json& schema, Node& node, const std::string& path, int depth) {
  fill_defaults(schema, node);
  for (std::size_t i = 0; i < node.members.size(); ++i) member(schema, node, i, path, depth);
  if (!schema.contains("required") || !schema["required"].is_array()) return;
  for (const auto& key : schema["required"])
    if (key.is_string() && node.find(key.get_ref<const std::string&>()) == nullptr)
      report(node, path, fmt::format("the key \"{}\" is missing", key.get<std::string>()));
}

void SchemaWalk::fill_defaults(const json& schema, Node& node) {
  if (!schema.contains("properties") || !schema["properties"].is_object()) return;
  for (const auto& [key, given] : schema["properties"].items()) {
    const json& property = resolve_schema(document_, given);
    if (!property.is_object() || !property.contains("default") || node.find(key) != nullptr) continue;
    node.members.emplace_back(key, from_json(property["default"], node.position));
    node.key_positions.push_back(node.position);
  }
}

void SchemaWalk::member(const json& schema, Node& node, std::size_t index, const std::string& path, int depth) {
  auto& [key, value] = node.members[index];
  auto below = path + "/" + key;
  if (schema.contains("properties") && schema["properties"].contains(key))
    return walk(schema["properties"][key], value, below, depth + 1);
  if (schema.contains("patternProperties")) return;  // the validator's
  if (!schema.contains("additionalProperties")) return;
  const auto& others = schema["additionalProperties"];
  if (others.is_object()) return walk(others, value, below, depth + 1);
  if (others == false) unknown_key(schema, node, index, path);
}

void SchemaWalk::unknown_key(const json& schema, Node& node, std::size_t index, const std::string& path) {
  std::vector<std::string> known;
  if (schema.contains("properties"))
    for (const auto& [key, ignored] : schema["properties"].items()) known.push_back(key);
  const auto& key = node.members[index].first;
  auto hint = config::suggestion(key, known);
  if (hint.empty())
    hint = known.empty() ? "; it takes no configuration" : "; known are " + fmt::format("{}", [&] {
                                                             std::string out;
                                                             for (const auto& k : known)
                                                               out += (out.empty() ? "" : ", ") + k;
                                                             return out;
                                                           }());
  bool placed = index < node.key_positions.size() && node.key_positions[index].line != 0;
  reported_.insert(&node);
  reported_.insert(&node.members[index].second);
  config::add_problem(problems_, placed ? node.key_positions[index] : place_.position, path,
                      fmt::format("unknown key {}{}", config::shown(key), hint));
}

void SchemaWalk::format(const json& schema, Node& node, const std::string& path) {
  if (is_duration(schema) || is_size(schema)) return units(schema, node, path);
  auto at = schema.find("format");
  if (at == schema.end() || !at->is_string()) return;
  const auto& name = at->get_ref<const std::string&>();
  if (name == "secret") node.secret = true;
  if (node.kind != Kind::string) return;
  if (name == "regex") regex(node, path);
  if (name == "upstream") upstream(node, path);
}

void SchemaWalk::units(const json& schema, Node& node, const std::string& path) {
  bool other_type = node.kind != Kind::string && node.kind != Kind::integer && node.kind != Kind::number;
  if (other_type) return;  // allowed or not: the validator says
  std::int64_t value = 0;
  bool good =
      is_duration(schema) ? config::parse_duration_ms(node.string, value) : config::parse_size(node.string, value);
  if (!good)
    return report(node, path,
                  fmt::format("expected {}, found {}", expectation(document_, schema), config::shown(node)));
  node.kind = Kind::integer;
  node.integer = value;
}

void SchemaWalk::regex(Node& node, const std::string& path) {
  if (auto compiled = Regex::compile(node.string); !compiled)
    report(node, path, fmt::format("expected a regular expression: {}", compiled.error().text));
}

void SchemaWalk::upstream(Node& node, const std::string& path) {
  if (place_.config == nullptr) return;
  std::vector<std::string> known;
  for (const auto& u : place_.config->upstreams) known.push_back(u.name);
  if (std::find(known.begin(), known.end(), node.string) != known.end()) return;
  report(node, path,
         fmt::format("there is no upstream {}{}", config::shown(node), config::suggestion(node.string, known)));
}

}  // namespace postern::plugin
