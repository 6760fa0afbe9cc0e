#include "plugin/schema.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/node.h"
#include "config/yaml.h"

using namespace postern;
using plugin::Schema;

namespace {

struct Applied {
  config::Node node;
  std::vector<std::string> problems;
};

// `yaml` is the instance's configuration; positions count from its first line.
Applied apply(const std::string& schema, const std::string& yaml) {
  static const config::Config gateway = [] {
    config::Config c;
    c.upstreams.emplace_back().name = "users";
    return c;
  }();
  auto compiled = Schema::parse(schema);
  REQUIRE_MESSAGE(compiled, (compiled ? "" : compiled.error().text));
  config::Problems problems;
  config::YamlBudget budget;
  config::Node given;
  REQUIRE(config::parse_yaml(yaml, "g.yaml", budget, given, problems));
  if (given.kind == config::Node::Kind::null) given.kind = config::Node::Kind::map;
  auto file = std::make_shared<const std::string>("g.yaml");
  Applied out;
  out.node = compiled->apply(given, {"routes/r/plugins/p", {file, 9, 9}, &gateway}, problems);
  for (const auto& p : problems) out.problems.push_back(p.line());
  return out;
}

std::string only(const Applied& a) {
  REQUIRE(a.problems.size() == 1);
  return a.problems[0];
}

constexpr const char* kLimit = R"({"properties": {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
    "window": {"type": "string", "format": "duration", "default": "60s", "minimum": "1s"},
    "body": {"type": "string", "format": "size", "maximum": "1m"},
    "by": {"enum": ["ip", "consumer"], "default": "ip"},
    "name": {"type": "string"},
    "backend": {"type": "string", "format": "upstream"},
    "key": {"type": "string", "format": "secret"},
    "match": {"type": "string", "format": "regex"},
    "hosts": {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": true}},
  "required": ["limit"]})";

}  // namespace

TEST_CASE("a good configuration comes back typed, with defaults and units") {
  auto a = apply(kLimit, "limit: 10\nbody: 64k\nname: 1.10\nbackend: users\nkey: s3cret\nmatch: ^/a$\n");
  CHECK(a.problems == std::vector<std::string>{});
  CHECK(a.node.find("limit")->integer == 10);
  CHECK(a.node.find("window")->kind == config::Node::Kind::integer);
  CHECK(a.node.find("window")->integer == 60'000);
  CHECK(a.node.find("body")->integer == 65'536);
  CHECK(a.node.find("by")->string == "ip");
  CHECK(a.node.find("name")->kind == config::Node::Kind::string);
  CHECK(a.node.find("name")->string == "1.10");
  CHECK(a.node.find("key")->secret);
  CHECK_FALSE(a.node.find("name")->secret);
}

TEST_CASE("every kind of mistake is said with its place, what was expected and what was found") {
  const std::string at = "routes/r/plugins/p";
  struct Row {
    const char* yaml;
    std::string problem;
  };
  for (const auto& row : std::vector<Row>{
           {"limit: 0", "g.yaml:1:8: " + at + "/limit: expected an integer from 1 to 1000, found 0"},
           {"limit: ten", "g.yaml:1:8: " + at + "/limit: expected an integer from 1 to 1000, found \"ten\""},
           {"limit: \"10\"",
            "g.yaml:1:8: " + at + "/limit: expected an integer from 1 to 1000, found \"10\"; take the quotes away"},
           {"limit: 1\nlimt: 2", "g.yaml:2:1: " + at + ": unknown key \"limt\" (did you mean \"limit\"?)"},
           {"by: ip", "g.yaml:1:1: " + at + ": the key \"limit\" is missing"},
           {"limit: 1\nby: user", "g.yaml:2:5: " + at + "/by: expected \"ip\" or \"consumer\", found \"user\""},
           {"limit: 1\nwindow: soon",
            "g.yaml:2:9: " + at +
                "/window: expected a duration (\"250ms\", \"10s\", \"5m\") of at least 1s, found "
                "\"soon\""},
           {"limit: 1\nwindow: 10ms",
            "g.yaml:2:9: " + at +
                "/window: expected a duration (\"250ms\", \"10s\", \"5m\") of at least 1s, found "
                "10ms"},
           {"limit: 1\nbody: 2m",
            "g.yaml:2:7: " + at + "/body: expected a size (\"64k\", \"10m\") of at most 1m, found 2m"},
           {"limit: 1\nbackend: user",
            "g.yaml:2:10: " + at + "/backend: there is no upstream \"user\" (did you mean \"users\"?)"},
           {"limit: 1\nhosts: [a, \"\"]",
            "g.yaml:2:12: " + at + "/hosts/1: expected a string that is not empty, found \"\""},
           {"limit: 1\nhosts: a",
            "g.yaml:2:8: " + at + "/hosts: expected a list, each a string that is not empty, found \"a\""},
       }) {
    CAPTURE(row.yaml);
    CHECK(only(apply(kLimit, row.yaml)) == row.problem);
  }
}

TEST_CASE("all mistakes are reported at once, each in one line") {
  auto a = apply(kLimit, "limit: 0\nwindow: soon\nlimt: 2\nhosts: [\"\", 1, [x]]\nmatch: \"(\"\n");
  CHECK(a.problems.size() == 6);
}

TEST_CASE("a secret's value is not shown in a problem") {
  CHECK(
      only(apply(R"({"properties": {"key": {"type": "string", "format": "secret", "minLength": 9}}})", "key: hunter2"))
          .find("hunter2") == std::string::npos);
}

TEST_CASE("alternatives are told apart by the kind of value") {
  const char* schema = R"({"properties": {"header": {"oneOf": [
      {"type": "string"},
      {"type": "object", "properties": {"name": {"type": "string"}, "ttl": {"type": "string", "format": "duration"}},
       "required": ["name"]}]}}})";
  CHECK(apply(schema, "header: x").problems.empty());
  auto good = apply(schema, "header: {name: x, ttl: 1s}");
  CHECK(good.problems == std::vector<std::string>{});
  CHECK(good.node.find("header")->find("ttl")->integer == 1000);
  CHECK(only(apply(schema, "header: {nam: x, name: y}")).find("unknown key \"nam\" (did you mean \"name\"?)") !=
        std::string::npos);
  CHECK(only(apply(schema, "header: {name: x, ttl: never}")).find("header/ttl: expected a duration") !=
        std::string::npos);
  CHECK(only(apply(schema, "header: [x]")).find("header: expected a string or a map, found a list") !=
        std::string::npos);
}

TEST_CASE("the whole of draft 7 holds, also where the words are the validator's") {
  const char* schema = R"({"properties": {"a": {"type": "integer", "multipleOf": 5}, "b": {"type": "integer"}},
      "if": {"properties": {"a": {"const": 5}}, "required": ["a"]}, "then": {"required": ["b"]},
      "dependencies": {"b": ["a"]}})";
  CHECK(apply(schema, "{a: 10}").problems.empty());
  CHECK(apply(schema, "{a: 5, b: 1}").problems.empty());
  CHECK_FALSE(apply(schema, "{a: 5}").problems.empty());
  CHECK_FALSE(apply(schema, "{b: 5}").problems.empty());
  CHECK_FALSE(apply(schema, "{a: 7}").problems.empty());
}

TEST_CASE("shared definitions are followed, and maps inside are closed too") {
  const char* schema =
      R"({"definitions": {"rule": {"type": "object", "properties": {"after": {"format": "duration", "default": "1m"}}}},
      "properties": {"rules": {"type": "array", "items": {"$ref": "#/definitions/rule"}}}})";
  auto a = apply(schema, "rules: [{}, {after: 2s}]");
  CHECK(a.problems == std::vector<std::string>{});
  CHECK(a.node.find("rules")->items[0].find("after")->integer == 60'000);
  CHECK(a.node.find("rules")->items[1].find("after")->integer == 2'000);
  CHECK(only(apply(schema, "rules: [{aftr: 2s}]")).find("did you mean \"after\"") != std::string::npos);
}

TEST_CASE("additional keys pass only where the schema says so") {
  auto a = apply(R"({"properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}}})",
                 "labels: {a: x, b: 2}");
  CHECK(a.problems == std::vector<std::string>{});
  CHECK(a.node.find("labels")->find("b")->string == "2");
  CHECK_FALSE(apply(R"({"properties": {"labels": {"type": "object", "additionalProperties": {"type": "integer"}}}})",
                    "labels: {a: x}")
                  .problems.empty());
}

TEST_CASE("a plugin without a schema takes no configuration") {
  config::Problems problems;
  config::YamlBudget budget;
  config::Node given;
  REQUIRE(config::parse_yaml("a: 1", "g.yaml", budget, given, problems));
  Schema().apply(given, {"plugins/p", {}, nullptr}, problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].text == "unknown key \"a\"; it takes no configuration");
}

TEST_CASE("a schema that is none is refused") {
  for (const std::string bad :
       {"{", "[]", "3", R"({"type": "frobnicate"})", R"({"properties": 3})", R"({"required": "a"})",
        R"({"properties": {"a": {"minimum": "x"}}})", R"({"allOf": {}})",
        R"({"properties": {"a": {"format": "duration", "minimum": "long"}}})",
        R"({"properties": {"a": {"$ref": "#/definitions/none"}}})"}) {
    CAPTURE(bad);
    CHECK_FALSE(Schema::parse(bad));
  }
}
