#include "plugin/schema.h"

#define VALIJSON_USE_EXCEPTIONS 1
#include <fmt/core.h>
#include <postern/text/ascii.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "config/report.h"
#include "plugin/schema_rewrite.h"
#include "plugin/schema_walk.h"
#include "plugin/schema_words.h"

namespace postern::plugin {
namespace {

using config::Node;
using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::boolean:
      return node.boolean;
    case Node::Kind::integer:
      return node.integer;
    case Node::Kind::number:
      return node.number;
    case Node::Kind::string:
      return node.string;
    case Node::Kind::list: {
      json out = json::array();
      for (const auto& item : node.items) out.push_back(to_json(item));
      return out;
    }
    case Node::Kind::map: {
      json out = json::object();
      for (const auto& [key, value] : node.members) out[key] = to_json(value);
      return out;
    }
  }
  return nullptr;
}

// What the validator found, at one place.
struct Finding {
  const Node* node = nullptr;
  std::string path;
  std::vector<std::string> context;
  std::string text;
};

bool begins_with(const std::vector<std::string>& context, const std::vector<std::string>& start) {
  return context.size() > start.size() && std::equal(start.begin(), start.end(), context.begin());
}

// Says only that something inside, or one of several alternatives, did not fit.
bool is_wrapper(std::string_view text) {
  return text.starts_with("Failed to validate") || text.starts_with("Value type not permitted");
}

// Says no more than what the schema expects of a single value.
bool is_about_value(std::string_view text) {
  constexpr std::string_view kBeginnings[] = {"Value type not permitted",
                                              "Failed to match",
                                              "Expected number",
                                              "String should",
                                              "Array should",
                                              "Object should",
                                              "Failed to validate against any"};
  return std::any_of(std::begin(kBeginnings), std::end(kBeginnings), [&](auto b) { return text.starts_with(b); });
}

class Findings {
 public:
  Findings(const json& document, const Node& root, const std::string& path, SchemaWalk& walk)
      : document_(document), root_(root), path_(path), walk_(walk) {}

  void add(const valijson::ValidationResults::Error& error) {
    Finding f{&root_, path_, error.context, error.description};
    for (std::size_t i = 1; i < error.context.size(); ++i) {  // the first is "<root>"
      auto key = error.context[i].substr(1, error.context[i].size() - 2);
      const Node* below = child(*f.node, key);
      if (below == nullptr) break;
      f.node = below;
      f.path += "/" + key;
    }
    all_.push_back(std::move(f));
  }

  void report() {
    for (const auto& f : all_) {
      bool deeper =
          std::any_of(all_.begin(), all_.end(), [&](const auto& g) { return begins_with(g.context, f.context); });
      if (walk_.reported(*f.node) || (is_wrapper(f.text) && (deeper || reported_below(*f.node)))) continue;
      walk_.report(*f.node, f.path, words(f));
    }
  }

 private:
  static const Node* child(const Node& node, const std::string& key) {
    if (node.kind != Node::Kind::list) return node.find(key);
    std::size_t index = 0;
    for (char c : key) {
      if (c < '0' || c > '9') return nullptr;
      index = index * 10 + static_cast<std::size_t>(c - '0');
    }
    return index < node.items.size() ? &node.items[index] : nullptr;
  }

  bool reported_below(const Node& node) const {
    auto any = [&](const Node& n) { return walk_.reported(n) || reported_below(n); };
    return std::any_of(node.items.begin(), node.items.end(), any) ||
           std::any_of(node.members.begin(), node.members.end(), [&](const auto& m) { return any(m.second); });
  }

  std::string words(const Finding& f) const {
    const json* schema = walk_.schema_of(*f.node);
    auto found = config::shown(*f.node);
    if (schema == nullptr || !is_about_value(f.text)) return fmt::format("{} (found {})", lowered(f.text), found);
    bool number_in_quotes = f.node->kind == Node::Kind::string && f.node->quoted && wants_number(*schema) &&
                            !f.node->string.empty() &&
                            f.node->string.find_first_not_of("0123456789.-") == std::string::npos;
    return fmt::format("expected {}, found {}{}", expectation(document_, *schema), found,
                       number_in_quotes ? "; take the quotes away" : "");
  }

  static bool wants_number(const json& schema) {
    return schema.contains("type") && (schema["type"] == "integer" || schema["type"] == "number");
  }

  static std::string lowered(std::string text) {
    if (!text.empty() && text.back() == '.') text.pop_back();
    if (!text.empty()) text[0] = to_lower(text[0]);
    return text;
  }

  const json& document_;
  const Node& root_;
  const std::string& path_;
  SchemaWalk& walk_;
  std::vector<Finding> all_;
};

}  // namespace

struct Schema::Compiled {
  json document;
  valijson::Schema schema;
};

Schema::Schema() : compiled_(parse("{}")->compiled_) {}

Result<Schema> Schema::parse(std::string_view text) {
  auto refuse = [](std::string why) { return fail(Error{ErrorCode::internal_error, Origin::plugin, std::move(why)}); };
  auto compiled = std::make_shared<Compiled>();
  compiled->document = text.empty() ? json::object() : json::parse(text.begin(), text.end(), nullptr, false);
  if (compiled->document.is_discarded()) return refuse("its schema is not JSON");
  if (auto problem = rewrite_schema(compiled->document); !problem.empty()) return refuse(problem);
  try {
    valijson::SchemaParser parser;
    parser.populateSchema(Adapter(compiled->document), compiled->schema);
  } catch (const std::exception& e) {  // the library's way to say that a schema is malformed
    return refuse(fmt::format("its schema is not valid: {}", e.what()));
  }
  return Schema(std::move(compiled));
}

Node Schema::apply(Node given, const Place& place, config::Problems& problems) const {
  const auto& document = compiled_->document;
  SchemaWalk walk(document, place, problems);
  walk.run(given);
  json value = to_json(given);
  Adapter target(value);
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  if (validator.validate(compiled_->schema, target, &results)) return given;
  Findings findings(document, given, place.path, walk);
  for (const auto& error : results) findings.add(error);
  findings.report();
  return given;
}

}  // namespace postern::plugin
