#include "plan/template.h"

#include <doctest/doctest.h>

#include "core/plan/request.h"

using namespace postern;
using namespace postern::proxy;

namespace {

std::string expand(std::string_view text) {
  static const TestVariables variables = {{"request.method", Value::of(std::string_view("GET"))},
                                          {"count", Value::of(std::int64_t{-7})},
                                          {"ratio", Value::of(0.5)},
                                          {"flag", Value::of(true)}};
  auto compiled = Template::compile(text);
  if (!compiled) return "error: " + compiled.error().text;
  BlockPool pool;
  Arena arena(pool);
  return std::string(compiled->expand(variables, arena));
}

}  // namespace

TEST_CASE("templates") {
  struct Row {
    const char* text;
    const char* expected;
  };
  const Row rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"${request.method}", "GET"},
      {"<${request.method}> ${count} ${ratio} ${flag}!", "<GET> -7 0.5 true!"},
      {"[${not.set}]", "[]"},
      {"$ $1 $$ 5$", "$ $1 $$ 5$"},
      {"$${request.method}", "${request.method}"},
      {"a ${x", "error: \"${\" has no closing brace, at character 3"},
      {"${}", "error: \"\" is not a variable's name, at character 1"},
      {"${a b}", "error: \"a b\" is not a variable's name, at character 1"},
  };
  for (const Row& row : rows) CHECK_MESSAGE(expand(row.text) == row.expected, row.text);
}

TEST_CASE("a template knows its variables, each once") {
  auto compiled = Template::compile("${b} ${a} ${b}");
  REQUIRE(compiled);
  CHECK(compiled->variables() == std::vector<VariableId>{variable_id("b"), variable_id("a")});
  CHECK(Template().empty());
}

TEST_CASE("the size of a template is bounded") {
  std::string many;
  for (std::size_t i = 0; i <= Template::kMaxPieces; ++i) many += "${a}";
  CHECK(expand(many).starts_with("error: "));
  CHECK(expand(std::string(Template::kLongest + 1, 'x')).starts_with("error: "));
}
