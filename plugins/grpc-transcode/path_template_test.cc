#include "path_template.h"

#include <doctest/doctest.h>

namespace {

PathTemplate of(std::string_view text) {
  std::string problem;
  auto made = PathTemplate::parse(text, problem);
  REQUIRE_MESSAGE(made.has_value(), problem);
  return *made;
}

// "a=1 b=2", "-" when the template does not take the path.
std::string matched(std::string_view text, std::string_view path) {
  auto variables = of(text).match(path);
  if (!variables) return "-";
  std::string told;
  for (const auto& v : *variables) told += (told.empty() ? "" : " ") + v.field + "=" + v.value;
  return told;
}

std::string problem_of(std::string_view text) {
  std::string problem;
  PathTemplate::parse(text, problem);
  return problem;
}

}  // namespace

TEST_CASE("literals, one segment, the rest, and verbs") {
  CHECK(matched("/v1/shelves", "/v1/shelves") == "");
  CHECK(matched("/v1/shelves", "/v1/shelves/") == "-");
  CHECK(matched("/v1/shelves", "/v1") == "-");
  CHECK(matched("/v1/*/books", "/v1/x/books") == "");
  CHECK(matched("/v1/**", "/v1") == "");
  CHECK(matched("/v1/**", "/v1/a/b") == "");
  CHECK(matched("/v1/shelves:list", "/v1/shelves:list") == "");
  CHECK(matched("/v1/shelves:list", "/v1/shelves") == "-");
  CHECK(matched("/v1/*:list", "/v1/:list") == "-");
}

TEST_CASE("variables") {
  CHECK(matched("/v1/shelves/{shelf}/books/{book.id}", "/v1/shelves/1/books/b%20c") == "shelf=1 book.id=b c");
  CHECK(matched("/v1/{name=shelves/*}", "/v1/shelves/7") == "name=shelves/7");
  CHECK(matched("/v1/{name=shelves/*}", "/v1/boxes/7") == "-");
  CHECK(matched("/v1/{name=shelves/*}:merge", "/v1/shelves/7:merge") == "name=shelves/7");
  CHECK(matched("/v1/{name=**}", "/v1/a/b%2Fc/d%41") == "name=a/b%2Fc/dA");
  CHECK(matched("/v1/{one}", "/v1/b%2Fc") == "one=b/c");
  CHECK(matched("/v1/{one}", "/v1/") == "-");
  CHECK(matched("/v1/{one}", "/v1/%zz%4") == "one=%zz%4");
}

TEST_CASE("malformed templates") {
  for (std::string_view text : {"", "v1", "/", "/v1/", "/v1//x", "/{}", "/{a", "/{a=}", "/{a={b}}", "/**/x",
                                "/{a=**}/x", "/a:", "/a:b/c", "/a*", "/{a}/{a}", "/a}"})
    CHECK_MESSAGE(problem_of(text) != "", std::string(text));
}
