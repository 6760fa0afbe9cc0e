#include "config/environment.h"

#include <doctest/doctest.h>

#include <string>

#include "config/yaml.h"

using namespace postern::config;

namespace {

struct Expanded {
  Node value;
  Problems problems;
};

Expanded expand(const std::string& text) {
  Expanded expanded;
  YamlBudget budget;
  Node root;
  REQUIRE(parse_yaml("a:\n  k: " + text + "\n", "t.yaml", budget, root, expanded.problems));
  Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "PORT") return "8080";
    if (name == "EMPTY") return "";
    if (name == "JWT_SECRET") return "hunter2";
    if (name == "TRICK") return "${PORT}: [x]";
    return std::nullopt;
  };
  expand_environment(root, environment, expanded.problems);
  expanded.value = *root.find("a")->find("k");
  return expanded;
}

}  // namespace

TEST_CASE("references are replaced") {
  struct Row {
    std::string text;
    const char* expected;
  };
  const Row rows[] = {
      {"\"${PORT}\"", "8080"},
      {"\"127.0.0.1:${PORT}/${PORT}\"", "127.0.0.1:8080/8080"},
      {"\"${NONE:-x y}\"", "x y"},
      {"\"${EMPTY:-x}\"", "x"},
      {"\"${EMPTY}\"", ""},
      {"\"${NONE:-}\"", ""},
      {"\"$${PORT}\"", "${PORT}"},
      {"\"$$\"", "$$"},
      {"\"pa$$word $1 $ ${\"", "pa$$word $1 $ ${"},
      {"\"${request.path} ${latency} $${path.id}\"", "${request.path} ${latency} $${path.id}"},
      {"\"${TRICK}\"", "${PORT}: [x]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    Expanded expanded = expand(row.text);
    CHECK(expanded.problems.empty());
    CHECK(expanded.value.string == row.expected);
    CHECK(expanded.value.kind == Node::Kind::string);
  }
}

TEST_CASE("a plain scalar gets its type, a quoted one stays a string") {
  CHECK(expand("${PORT}").value.kind == Node::Kind::integer);
  CHECK(expand("${PORT}").value.integer == 8080);
  CHECK(expand("'${PORT}'").value.kind == Node::Kind::string);
  CHECK(expand("${NONE:-true}").value.boolean);
}

TEST_CASE("secrets are marked by their name") {
  CHECK(expand("${JWT_SECRET}").value.secret);
  CHECK_FALSE(expand("${PORT}").value.secret);
}

TEST_CASE("what is refused") {
  CHECK(expand("${NONE}").problems.at(0).line() ==
        "t.yaml:2:6: a/k: the environment variable NONE is not set; set it, or write ${NONE:-default}");
  CHECK(expand("${NONE}").value.broken);
  CHECK(expand("\"${PORT-1}\"").problems.at(0).text.find("only \"}\" or \":-default}\" may follow") !=
        std::string::npos);
  CHECK(expand("\"${NONE:-${PORT}}\"").problems.size() == 1);
  CHECK(expand("\"${PORT\"").problems.at(0).text.find("no closing brace") != std::string::npos);
}
