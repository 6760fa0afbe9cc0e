#include <doctest/doctest.h>

#include <string>

#include "config/yaml.h"

using namespace postern::config;

namespace {

struct Parsed {
  Node root;
  Problems problems;
  bool good;
  std::string first() const { return problems.empty() ? "" : problems[0].line(); }
};

Parsed parse(std::string_view text) {
  Parsed parsed;
  YamlBudget budget;
  parsed.good = parse_yaml(text, "t.yaml", budget, parsed.root, parsed.problems);
  return parsed;
}

Node scalar(std::string_view text) {
  Parsed parsed = parse("k: " + std::string(text));
  REQUIRE(parsed.first() == "");
  return *parsed.root.find("k");
}

}  // namespace

TEST_CASE("scalars get the types of the core schema") {
  using Kind = Node::Kind;
  struct Row {
    std::string text;
    Kind kind;
  };
  const Row rows[] = {
      {"", Kind::null},          {"~", Kind::null},
      {"null", Kind::null},      {"true", Kind::boolean},
      {"False", Kind::boolean},  {"yes", Kind::string},
      {"on", Kind::string},      {"0", Kind::integer},
      {"-5", Kind::integer},     {"+7", Kind::integer},
      {"007", Kind::string},     {"0x1f", Kind::string},
      {"1.5", Kind::number},     {"1e3", Kind::number},
      {"1e999", Kind::string},   {".inf", Kind::string},
      {"1.2.3", Kind::string},   {"10s", Kind::string},
      {"\"5\"", Kind::string},   {"'true'", Kind::string},
      {"!!str 5", Kind::string}, {"99999999999999999999", Kind::string},
      {"-", Kind::list},         {"1-2", Kind::string},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    if (row.kind != Kind::list) CHECK(scalar(row.text).kind == row.kind);
  }
  CHECK(scalar("-5").integer == -5);
  CHECK(scalar("+7").integer == 7);
  CHECK(scalar("1.5").number == 1.5);
  CHECK(scalar("TRUE").boolean);
  CHECK(scalar("5").string == "5");
  CHECK(scalar("|\n  a\n  b\n").quoted);
}

TEST_CASE("nodes know their place") {
  Parsed parsed = parse("a: 1\nb:\n  - x\n  - {c: [y]}\n");
  REQUIRE(parsed.good);
  const Node& list = *parsed.root.find("b");
  CHECK(parsed.root.key_positions[1].text() == "t.yaml:2:1");
  CHECK(list.items[0].position.text() == "t.yaml:3:5");
  CHECK(list.items[1].find("c")->items[0].position.text() == "t.yaml:4:10");
}

TEST_CASE("aliases are copies") {
  Parsed parsed = parse("a: &x {k: 1}\nb: *x\nc: [*x, *x]\n");
  REQUIRE(parsed.good);
  CHECK(parsed.root.find("c")->items[1].find("k")->integer == 1);
}

TEST_CASE("what is refused, and where") {
  struct Row {
    std::string text;
    const char* expected;
  };
  const Row rows[] = {
      {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: the key \"a\" is repeated"},
      {"a: &x {b: 1}\nc:\n  <<: *x\n", "t.yaml:3:3: merge keys"},
      {"a: !!binary x\n", "t.yaml:1:4: the tag \"tag:yaml.org,2002:binary\" is not supported"},
      {"a: !thing [1]\n", "is not supported"},
      {"? [a]\n: b\n", "a key must be plain text, found a list"},
      {"~: b\n", "a key cannot be empty or null"},
      {"a: [1\n", "not valid YAML"},
      {"a: *x\n", "not valid YAML"},
      {"a: &x [*x]\n", "an alias cannot stand inside its own anchor"},
      {"a: 1\n---\nb: 2\n", "one document is expected"},
      {"a: \x04\n", "t.yaml:1:4: a control character stands here"},
      {"a: 1\nb: \xff\n", "t.yaml:2:4: this is not UTF-8 text"},
      {"a: \xc0\x80\n", "this is not UTF-8 text"},
      {"a: \xed\xa0\x80\n", "this is not UTF-8 text"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    Parsed parsed = parse(row.text);
    CHECK_MESSAGE(parsed.first().find(row.expected) != std::string::npos, parsed.first());
  }
  CHECK(parse("").good);
  CHECK(parse("\xEF\xBB\xBF"
              "a: \xC3\xA9\n")
            .good);
}

TEST_CASE("depth, size and copies are bounded") {
  CHECK(parse(std::string(60, '[') + std::string(60, ']')).good);
  CHECK(parse(std::string(65, '[') + std::string(65, ']')).first().find("nested too deeply") != std::string::npos);
  CHECK_FALSE(parse(std::string(100'000, '[')).good);
  CHECK(parse(std::string(YamlBudget::kFileBytes + 1, ' ')).first().find("larger than 4 MiB") != std::string::npos);

  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    std::string below = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) laughs += below + (j < 9 ? ", " : " ]\n");
  }
  CHECK(parse(laughs).first().find("too many values") != std::string::npos);

  std::string text = "a: &a " + std::string(1'000'000, 'x') + "\nb: [";
  for (int i = 0; i < 50; ++i) text += "*a , ";
  CHECK(parse(text + "1]\n").first().find("too much text") != std::string::npos);
}
