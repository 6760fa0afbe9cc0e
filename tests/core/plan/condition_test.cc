#include "plan/condition.h"

#include <doctest/doctest.h>

#include "base/regex.h"
#include "core/plan/request.h"

using namespace postern;
using namespace postern::proxy;

namespace {

const std::string kLong(Regex::kLongestText + 1, 'a');

// "true", "false", "unjudged" or the error.
std::string holds(std::string_view text) {
  static const TestVariables variables = {{"request.method", Value::of(std::string_view("GET"))},
                                          {"request.path", Value::of(std::string_view("/api/users"))},
                                          {"request.header.x-debug", Value::of(std::string_view("0"))},
                                          {"consumer.tier", Value::of(std::string_view("gold"))},
                                          {"count", Value::of(std::int64_t{7})},
                                          {"text.count", Value::of(std::string_view("10"))},
                                          {"yes", Value::of(true)},
                                          {"empty", Value::of(std::string_view(""))},
                                          {"path.long", Value::of(std::string_view(kLong))}};
  auto condition = Condition::compile(text);
  if (!condition) return condition.error().text;
  switch (condition->holds(variables)) {
    case Condition::Answer::yes:
      return "true";
    case Condition::Answer::no:
      return "false";
    case Condition::Answer::unjudged:
      return "unjudged";
  }
  return "";
}

}  // namespace

TEST_CASE("conditions that hold") {
  for (const char* text : {
           "request.method == \"GET\" && (request.path starts_with \"/api\" || !request.header.x-debug) && "
           "consumer.tier in [\"gold\", \"pro\"]",
           "method == 'GET'",
           "path ends_with \"users\"",
           "path contains \"/us\"",
           "path matches \"^/api/[a-z]+$\"",
           "count > 6 && count >= 7 && count < 8 && count <= 7 && count == 7 && count != 8",
           "text.count > 9",
           "yes",
           "yes == true",
           "count in [1, 7]",
           "!header.x-debug",
           "!empty && !nothing",
           "nothing != \"x\"",
           "!(method == \"PUT\" || method == \"POST\")",
           "empty || yes && yes",
       })
    CHECK_MESSAGE(holds(text) == "true", text, " gives ", holds(text));
}

TEST_CASE("conditions that do not hold") {
  for (const char* text : {"method == \"get\"", "nothing", "nothing > 1", "path >= nothing", "path > 1", "empty",
                           "consumer.tier in [\"pro\"]", "path matches \"^users\"", "yes && (empty || nothing)"})
    CHECK_MESSAGE(holds(text) == "false", text, " gives ", holds(text));
}

TEST_CASE("an unset variable compares as the empty text") {
  struct {
    const char* condition;
    const char* holds;
  } const rows[] = {
      {"nothing == \"\"", "true"},
      {"nothing != \"\"", "false"},
      {"nothing == \"x\"", "false"},
      {"nothing != \"x\"", "true"},
      {"nothing == nothing", "true"},
      {"consumer.tier == nothing", "false"},
      {"consumer.tier != nothing", "true"},
      {"nothing in [\"\"]", "true"},
      {"nothing in [\"x\"]", "false"},
      {"nothing starts_with \"\"", "true"},
      {"nothing contains \"x\"", "false"},
      {"nothing matches \"^$\"", "true"},
      {"nothing == 0", "false"},
      {"nothing < 1", "false"},
      {"nothing <= 0", "false"},
      {"nothing > 1", "false"},
      {"nothing >= 0", "false"},
      {"path > 1", "false"},
      {"count < nothing", "false"},
      {"count >= nothing", "false"},
      {"nothing", "false"},
      {"!nothing", "true"},
  };
  for (const auto& row : rows) {
    std::string told = holds(row.condition);
    CHECK_MESSAGE(told.starts_with(row.holds), row.condition, " gives ", told);
  }
}

// Of a text beyond the bounds of base/regex.h.
TEST_CASE("what a regular expression cannot tell stays open unless the rest decides") {
  const std::string open = "path.long matches \"^/admin\"";
  for (auto [condition, told] : {std::pair<std::string, std::string>{open, "unjudged"},
                                 {"!(" + open + ")", "unjudged"},
                                 {open + " || yes", "true"},
                                 {open + " && yes", "unjudged"},
                                 {open + " && nothing", "false"},
                                 {"nothing || " + open, "unjudged"}})
    CHECK_MESSAGE(holds(condition) == told, condition, " gives ", holds(condition));
}

TEST_CASE("a condition implies another when it is the same or joins it to more") {
  struct {
    const char* condition;
    const char* other;
    bool implies;
  } const rows[] = {
      {"yes", "yes", true},
      {"yes && path == \"/\"", "yes", true},
      {"path == \"/\" && (count > 1 || yes) && empty", "(count > 1 || yes) && path == \"/\"", true},
      {"header.x == \"a\"", "request.header.x == 'a'", true},
      {"yes", "yes && empty", false},
      {"yes || empty", "yes", false},
      {"!yes", "yes", false},
      {"count > 1", "count > 2", false},
      {"path matches \"a\"", "path matches \"b\"", false},
  };
  for (const auto& row : rows) {
    auto condition = Condition::compile(row.condition), other = Condition::compile(row.other);
    REQUIRE((condition && other));
    CHECK_MESSAGE(condition->implies(*other) == row.implies, row.condition, " and ", row.other);
  }
}

TEST_CASE("errors name the column") {
  for (const char* text :
       {"", "method ==", "method == \"GET", "(method", "method &&", "method in [", "method === \"x\"",
        "method matches \"(\"", "method method", "\"GET\"", "!", "method matches path"})
    CHECK_MESSAGE(holds(text).starts_with("column "), text, " gives ", holds(text));
}

TEST_CASE("nesting and length are bounded") {
  CHECK(holds(std::string(10, '(') + "yes" + std::string(10, ')')) == "true");
  std::string deep = holds(std::string(5'000, '(') + "yes");
  CHECK((deep != "true" && deep != "false"));
  std::string bangs = holds(std::string(5'000, '!') + "yes");
  CHECK((bangs != "true" && bangs != "false"));
  std::string longest = holds("yes" + std::string(Condition::kLongest, ' '));
  CHECK((longest != "true" && longest != "false"));
}
