#include "plugin/schema_words.h"

#include <fmt/core.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "config/report.h"
#include "plugin/schema_rewrite.h"

namespace postern::plugin {
namespace {

using nlohmann::json;

class Words {
 public:
  explicit Words(const json& document) : document_(document) {}

  std::string of(const json& given, int depth = 0) const {
    const json& s = resolve_schema(document_, given);
    if (!s.is_object() || depth > 4) return "another value";
    if (s.contains("const")) return s["const"].dump();
    if (s.contains("enum") && s["enum"].is_array())
      return alternatives(s["enum"], [](const json& v) { return v.dump(); });
    for (auto* key : {"anyOf", "oneOf"})
      if (s.contains(key) && !s.contains("type"))
        return alternatives(s[key], [&](const json& b) { return of(b, depth + 1); });
    if (!s.contains("type")) return "another value";
    if (!s["type"].is_array()) return of_type(s, s["type"], depth);
    return alternatives(s["type"], [&](const json& type) { return of_type(s, type, depth); });
  }

 private:
  static std::string alternatives(const json& all, const std::function<std::string(const json&)>& word) {
    std::vector<std::string> words;
    for (const auto& one : all) words.push_back(word(one));
    return config::listed(words);
  }

  std::string of_type(const json& s, const json& type, int depth) const {
    if (type == "boolean") return "true or false";
    if (type == "null") return "nothing";
    if (type == "object") return "a map" + counts(s, "minProperties", "maxProperties", "entries");
    if (type == "array") return list(s, depth);
    if (type == "string") return text(s);
    if (is_duration(s)) return "a duration (\"250ms\", \"10s\", \"5m\")" + range(s, config::show_duration);
    if (is_size(s)) return "a size (\"64k\", \"10m\")" + range(s, config::show_size);
    return (type == "integer" ? "an integer" : "a number") + range(s, [](std::int64_t n) { return std::to_string(n); });
  }

  std::string list(const json& s, int depth) const {
    std::string out = "a list" + counts(s, "minItems", "maxItems", "entries");
    if (s.contains("items") && s["items"].is_object()) out += ", each " + of(s["items"], depth + 1);
    return out;
  }

  static std::string text(const json& s) {
    auto format = s.value("format", std::string());
    if (format == "regex") return "a regular expression";
    if (format == "upstream") return "the name of an upstream";
    std::string out = "a string";
    if (s.value("minLength", json()) == 1 && !s.contains("maxLength"))
      out += " that is not empty";
    else
      out += counts(s, "minLength", "maxLength", "characters");
    if (s.contains("pattern")) out += fmt::format(" that matches {}", s["pattern"].get<std::string>());
    return out;
  }

  static std::string counts(const json& s, const char* min, const char* max, std::string_view what) {
    if (s.contains(min) && s.contains(max)) return fmt::format(" of {} to {} {}", s[min].dump(), s[max].dump(), what);
    if (s.contains(min)) return fmt::format(" of at least {} {}", s[min].dump(), what);
    if (s.contains(max)) return fmt::format(" of at most {} {}", s[max].dump(), what);
    return {};
  }

  static std::string range(const json& s, const std::function<std::string(std::int64_t)>& show) {
    auto word = [&](const char* key) {
      const json& n = s[key];
      return n.is_number_integer() ? show(n.get<std::int64_t>()) : n.dump();
    };
    if (s.contains("minimum") && s.contains("maximum"))
      return fmt::format(" from {} to {}", word("minimum"), word("maximum"));
    std::string out;
    if (s.contains("minimum")) out = " of at least " + word("minimum");
    if (s.contains("maximum")) out = " of at most " + word("maximum");
    if (s.contains("exclusiveMinimum")) out += " above " + word("exclusiveMinimum");
    if (s.contains("exclusiveMaximum")) out += " below " + word("exclusiveMaximum");
    return out;
  }

  const json& document_;
};

}  // namespace

std::string expectation(const json& document, const json& schema) { return Words(document).of(schema); }

}  // namespace postern::plugin
