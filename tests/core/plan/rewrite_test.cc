#include "plan/rewrite.h"

#include <doctest/doctest.h>

#include "core/plan/request.h"

using namespace postern;
using namespace postern::proxy;

namespace {

config::Route strip(std::string prefix) {
  config::Route route;
  route.strip_prefix = std::move(prefix);
  return route;
}
config::Route to_path(std::string path) {
  config::Route route;
  route.rewrite.path = std::move(path);
  return route;
}
config::Route regex(std::string expression, std::string replacement) {
  config::Route route;
  route.rewrite.regex = std::move(expression);
  route.rewrite.replacement = std::move(replacement);
  return route;
}

// The path, or the error.
std::string rewritten(const config::Route& route, std::string_view path) {
  static const TestVariables variables = {{"path.id", Value::of(std::string_view("a%2Fb"))},
                                          {"request.header.x-tenant", Value::of(std::string_view("a/b ?"))},
                                          {"request.header.x-up", Value::of(std::string_view(".."))},
                                          {"number", Value::of(std::int64_t{7})}};
  auto rewrite = Rewrite::compile(route);
  if (!rewrite) return "compile: " + rewrite.error().text;
  BlockPool pool;
  Arena arena(pool);
  auto result = rewrite->apply(variables, path, arena);
  return result ? std::string(*result) : std::string(name_of(result.error().code)) + ": " + result.error().text;
}

}  // namespace

TEST_CASE("nothing to rewrite is a view of the same path") {
  BlockPool pool;
  Arena arena(pool);
  std::string_view path = "/a/b";
  CHECK(Rewrite().apply(TestVariables(), path, arena)->data() == path.data());
  CHECK(Rewrite::compile(strip("/x"))->apply(TestVariables(), path, arena)->data() == path.data());
  CHECK(Rewrite().empty());
}

TEST_CASE("strip_prefix takes whole segments") {
  CHECK(rewritten(strip("/api"), "/api/users/7") == "/users/7");
  CHECK(rewritten(strip("/api"), "/api") == "/");
  CHECK(rewritten(strip("/api"), "/api/") == "/");
  CHECK(rewritten(strip("/api"), "/apix") == "/apix");
  CHECK(rewritten(strip("/api"), "/other") == "/other");
  CHECK(rewritten(strip("/api/v1"), "/api/v1/x") == "/x");
  CHECK(rewritten(strip("/api"), "*") == "*");
}

TEST_CASE("a template replaces the path; foreign values are encoded") {
  CHECK(rewritten(to_path("/new/${path.id}"), "/x") == "/new/a%2Fb");
  CHECK(rewritten(to_path("/t/${request.header.x-tenant}/${number}"), "/x") == "/t/a%2Fb%20%3F/7");
  CHECK(rewritten(to_path("/plain"), "/x") == "/plain");
  CHECK(rewritten(to_path("/${request.header.x-up}/x"), "/x") ==
        "BAD_REQUEST: the path cannot be rewritten: request.header.x-up is not a path segment");
  CHECK(rewritten(to_path("/${consumer.id}/x"), "/x") ==
        "BAD_REQUEST: the path cannot be rewritten: consumer.id is not set");
}

TEST_CASE("a regular expression replaces its first match, after the prefix has gone") {
  CHECK(rewritten(regex("^/old/(.*)", "/new/$1"), "/old/x/y") == "/new/x/y");
  CHECK(rewritten(regex("^/old/(.*)", "/new/$1"), "/other") == "/other");
  CHECK(rewritten(regex("/(a)(b)?", "/$2$1$$"), "/x/a/a") == "/x/a$/a");
  CHECK(rewritten(regex("^/", ""), "/x") == "/x");
  CHECK(rewritten(regex("x", "$0$0"), "/x/x") == "/xx/x");
  config::Route both = regex("^/users", "/people");
  both.strip_prefix = "/api";
  CHECK(rewritten(both, "/api/users/7") == "/people/7");
}

TEST_CASE("the result is normalised again") {
  CHECK(rewritten(regex("^/a/(.*)", "/b//$1"), "/a/x") == "/b/x");
  CHECK(rewritten(regex("^/(.)x(.)$", "/a/$1$2"), "/.x.").find("/..") == std::string::npos);
  CHECK(rewritten(regex("^/(.)x(.)$", "/$1$2"), "/.x.").starts_with("BAD_REQUEST"));
}

TEST_CASE("what does not compile") {
  CHECK(rewritten(to_path("/${a"), "/").starts_with("compile: rewrite/path: \"${\" has no closing brace"));
  CHECK(rewritten(to_path("/x?y"), "/").starts_with("compile: rewrite/path: \"?\""));
  CHECK(rewritten(regex("(", "x"), "/").starts_with("compile: rewrite/regex: missing )"));
  CHECK(rewritten(regex("x", "$1"), "/") ==
        "compile: rewrite/replacement: there is no group 1 in the regular expression");
  CHECK(rewritten(regex("x", "$a"), "/").starts_with("compile: rewrite/replacement: after \"$\""));
}

TEST_CASE("an expression that would be costly elsewhere") {
  CHECK(rewritten(regex("^/(a+)+$", "/x"), "/" + std::string(200, 'a') + "b") == "/" + std::string(200, 'a') + "b");
}
