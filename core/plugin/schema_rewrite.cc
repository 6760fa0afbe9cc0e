#include "plugin/schema_rewrite.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/node.h"

namespace postern::plugin {
namespace {

using nlohmann::json;

constexpr int kDepth = 64;

std::string_view format_of(const json& schema) {
  auto at = schema.find("format");
  return at != schema.end() && at->is_string() ? std::string_view(at->get_ref<const std::string&>())
                                               : std::string_view{};
}

// Where schemas lie inside of a schema: as the members of these keys' maps, as entries of lists, or as the value itself.
constexpr std::array kMapsOfSchemas{"properties", "patternProperties", "definitions"};
constexpr std::array kListsOfSchemas{"allOf", "anyOf", "oneOf"};
constexpr std::array kSchemas{"items", "additionalItems", "additionalProperties", "not", "if", "then",
                              "else",  "contains"};

class Rewrite {
 public:
  std::string run(json& schema) {
    if (!schema.is_object()) return "its schema is not a JSON object";
    schema.emplace("type", "object");
    bool combines =
        std::any_of(kListsOfSchemas.begin(), kListsOfSchemas.end(), [&](auto* key) { return schema.contains(key); });
    if (!combines && !schema.contains("$ref")) schema.emplace("properties", json::object());
    visit(schema, "", false, 0);
    return problem_;
  }

 private:
  void visit(json& schema, const std::string& path, bool leave_open, int depth) {
    if (!schema.is_object()) return;  // true and false are schemas too
    if (depth > kDepth) return fail(path, "is nested too deep");
    check_type(schema, path);
    if (is_duration(schema) || is_size(schema)) convert(schema, path);
    if (!leave_open) close(schema);
    for (auto* key : kMapsOfSchemas) {
      if (!schema.contains(key)) continue;
      if (!schema[key].is_object()) return fail(path + "/" + key, "must be an object");
      for (auto& [name, child] : schema[key].items()) visit(child, path + "/" + key + "/" + name, false, depth + 1);
    }
    for (auto* key : kListsOfSchemas) {
      if (!schema.contains(key)) continue;
      if (!schema[key].is_array()) return fail(path + "/" + key, "must be a list");
      // A branch that restates some of its parent's keys must not forbid the others.
      bool part_of_parent = std::string_view(key) == "allOf" || schema.contains("properties");
      for (auto& child : schema[key]) visit(child, path + "/" + key, part_of_parent, depth + 1);
    }
    for (auto* key : kSchemas) {
      if (!schema.contains(key)) continue;
      bool restates = !std::string_view(key).ends_with("tems") && std::string_view(key) != "additionalProperties";
      if (schema[key].is_array())
        for (auto& child : schema[key]) visit(child, path + "/" + key, false, depth + 1);
      else
        visit(schema[key], path + "/" + key, restates, depth + 1);
    }
  }

  static void close(json& schema) {
    if (!schema.contains("properties") || schema.contains("additionalProperties")) return;
    for (auto* key : {"allOf", "anyOf", "oneOf"})
      if (schema.contains(key) && schema[key].is_array())
        for (const auto& branch : schema[key])
          if (names_other_keys(schema, branch)) return;
    for (auto* key : {"if", "then", "else"})
      if (schema.contains(key) && names_other_keys(schema, schema[key])) return;
    schema["additionalProperties"] = false;
  }

  static bool names_other_keys(const json& schema, const json& branch) {
    if (!branch.is_object()) return false;
    if (branch.contains("$ref")) return true;
    if (!branch.contains("properties") || !branch["properties"].is_object()) return false;
    for (const auto& [name, ignored] : branch["properties"].items())
      if (!schema["properties"].contains(name)) return true;
    return false;
  }

  void check_type(const json& schema, const std::string& path) {
    auto type = schema.find("type");
    if (type == schema.end()) return;
    constexpr std::array<std::string_view, 7> kTypes{"object", "array",   "string", "integer",
                                                     "number", "boolean", "null"};
    for (const auto& name : type->is_array() ? *type : json::array({*type})) {
      const auto* text = name.get_ptr<const std::string*>();
      if (text == nullptr || std::find(kTypes.begin(), kTypes.end(), *text) == kTypes.end())
        fail(path, fmt::format("has the unknown type {}", name.dump()));
    }
  }

  // The operator writes "10s"; the plugin and the validator see an integer.
  void convert(json& schema, const std::string& path) {
    json types = json::array();
    if (auto type = schema.find("type"); type != schema.end() && type->is_array())
      for (const auto& t : *type)
        if (t != "string" && t != "integer" && t != "number") types.push_back(t);
    types.push_back("integer");
    schema["type"] = types.size() == 1 ? types[0] : types;
    for (auto* key : {"pattern", "minLength", "maxLength"}) schema.erase(key);
    for (auto* key : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
      auto bound = schema.find(key);
      if (bound == schema.end() || !bound->is_string()) continue;
      std::int64_t units = 0;
      const auto& text = bound->get_ref<const std::string&>();
      bool good = is_duration(schema) ? config::parse_duration_ms(text, units) : config::parse_size(text, units);
      if (!good) return fail(path + "/" + key, fmt::format("is neither a number nor a {}", format_of(schema)));
      *bound = units;
    }
  }

  void fail(const std::string& path, const std::string& why) {
    if (problem_.empty())
      problem_ = fmt::format("its schema is not valid: {} {}", path.empty() ? "the top level" : path, why);
  }

  std::string problem_;
};

}  // namespace

bool is_duration(const json& schema) { return schema.is_object() && format_of(schema) == "duration"; }
bool is_size(const json& schema) { return schema.is_object() && format_of(schema) == "size"; }

std::string rewrite_schema(json& schema) { return Rewrite().run(schema); }

const json& resolve_schema(const json& document, const json& schema) {
  const json* at = &schema;
  for (int hops = 0; hops < kDepth; ++hops) {
    if (!at->is_object() || !at->contains("$ref") || !(*at)["$ref"].is_string()) return *at;
    const auto& reference = (*at)["$ref"].get_ref<const std::string&>();
    if (!reference.starts_with("#")) return *at;
    try {
      at = &document.at(json::json_pointer(reference.substr(1)));
    } catch (const json::exception&) {  // points nowhere: the validator has refused such a schema
      return *at;
    }
  }
  return *at;
}

}  // namespace postern::plugin
