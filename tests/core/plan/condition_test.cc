#include "plan/condition.h"

#include <doctest/doctest.h>

#include "core/plan/request.h"

using namespace postern;
using namespace postern::proxy;

namespace {

// "true", "false" or the error.
std::string holds(std::string_view text) {
  static const TestVariables variables = {{"request.method", Value::of(std::string_view("GET"))},
                                          {"request.path", Value::of(std::string_view("/api/users"))},
                                          {"request.header.x-debug", Value::of(std::string_view("0"))},
                                          {"consumer.tier", Value::of(std::string_view("gold"))},
                                          {"count", Value::of(std::int64_t{7})},
                                          {"text.count", Value::of(std::string_view("10"))},
                                          {"yes", Value::of(true)},
                                          {"empty", Value::of(std::string_view(""))}};
  auto condition = Condition::compile(text);
  if (!condition) return condition.error().text;
  return condition->holds(variables) ? "true" : "false";
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
  for (const char* text : {"method == \"get\"", "nothing", "nothing == \"\"", "nothing > 1", "path > 1", "empty",
                           "consumer.tier in [\"pro\"]", "path matches \"^users\"", "yes && (empty || nothing)"})
    CHECK_MESSAGE(holds(text) == "false", text, " gives ", holds(text));
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
