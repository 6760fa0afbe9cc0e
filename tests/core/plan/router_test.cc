#include "plan/router.h"

#include <doctest/doctest.h>

#include "core/plan/request.h"

using namespace postern;
using namespace postern::proxy;

namespace {

config::Match match(std::string path, std::vector<std::string> methods = {}) {
  config::Match m;
  m.path = std::move(path);
  m.methods = std::move(methods);
  return m;
}

config::Route route(std::string id, std::vector<config::Match> matches) {
  config::Route r;
  r.id = std::move(id);
  r.matches = std::move(matches);
  r.position = {std::make_shared<const std::string>("r.yaml"), static_cast<int>(r.id.size()), 3};
  return r;
}

config::Route on_host(std::string id, std::string host, std::string path = "/*") {
  config::Route r = route(std::move(id), {match(std::move(path))});
  r.matches[0].hosts = {std::move(host)};
  return r;
}

// Routes with a router, and what a request gets from it.
struct Table {
  std::vector<config::Route> routes;
  config::Problems problems;
  Router router;

  explicit Table(std::vector<config::Route> r) : routes(std::move(r)), router(Router::compile(routes, problems)) {}

  // The id, "404", or "405" with the Allow list.
  std::string find(TestRequest& request, std::string_view listener = "public") const {
    RouteMatch found = router.find(request.head, listener, request.arena);
    if (found.kind == RouteMatch::Kind::not_found) return "404";
    if (found.kind == RouteMatch::Kind::method_not_allowed) return "405 " + std::string(found.allow);
    std::string out = routes[found.route].id;
    for (const auto& one : found.parameters.all()) out.append(" ").append(one.name).append("=").append(one.value);
    return out;
  }
  std::string find(std::string_view method, std::string_view target, std::string_view authority = "a.test") const {
    TestRequest request(method, target, authority);
    return find(request);
  }
  std::string get(std::string_view target, std::string_view authority = "a.test") const {
    return find("GET", target, authority);
  }
};

Table paths(const std::vector<std::string>& patterns) {
  std::vector<config::Route> routes;
  for (const auto& pattern : patterns) routes.push_back(route(pattern, {match(pattern)}));
  return Table(std::move(routes));
}

}  // namespace

TEST_CASE("an empty router finds nothing") {
  Table table({});
  CHECK(table.get("/") == "404");
  TestRequest request("GET", "/");
  CHECK(Router().find(request.head, "x", request.arena).kind == RouteMatch::Kind::not_found);
}

TEST_CASE("paths: what each kind of pattern takes") {
  struct Row {
    const char* pattern;
    std::vector<const char*> takes;
    std::vector<const char*> leaves;
  };
  const Row rows[] = {
      {"/exact", {"/exact"}, {"/exact/", "/exact/x", "/exac", "/exactx", "/"}},
      {"/slash/", {"/slash/"}, {"/slash", "/slash/x"}},
      {"/", {"/"}, {"/x", "*"}},
      {"/api/*", {"/api", "/api/", "/api/x", "/api/x/y/", "/api/%2F"}, {"/apix", "/", "*"}},
      {"/*", {"/", "/x", "/x/y", "*"}, {}},
      {"/u/{id}", {"/u/7", "/u/a%2Fb"}, {"/u", "/u/", "/u/7/", "/u/7/x"}},
      {"/u/{id}/p/*", {"/u/7/p", "/u/7/p/x"}, {"/u/7", "/u//p", "/u/7/q"}},
  };
  for (const Row& row : rows) {
    Table table = paths({row.pattern});
    for (const char* path : row.takes) CHECK_MESSAGE(table.get(path) != "404", row.pattern, " ", path);
    for (const char* path : row.leaves) CHECK_MESSAGE(table.get(path) == "404", row.pattern, " ", path);
  }
}

TEST_CASE("static text beats a parameter, a parameter beats a wildcard, whatever the order of writing") {
  std::vector<std::string> patterns = {
      "/content/{id}",           "/content/*", "/*", "/content/trending", "/content/{id}/availability",
      "/content/trending/{x}/z", "/content/"};
  for (int turn = 0; turn < 2; ++turn) {
    Table table = paths(patterns);
    REQUIRE(table.problems.empty());
    CHECK(table.get("/content/trending") == "/content/trending");
    CHECK(table.get("/content/42") == "/content/{id} id=42");
    CHECK(table.get("/content/42/availability") == "/content/{id}/availability id=42");
    CHECK(table.get("/content/trending/availability") == "/content/{id}/availability id=trending");
    CHECK(table.get("/content/trending/a/z") == "/content/trending/{x}/z x=a");
    CHECK(table.get("/content/trending/a/b") == "/content/*");
    CHECK(table.get("/content/") == "/content/");
    CHECK(table.get("/content") == "/content/*");
    CHECK(table.get("/other") == "/*");
    std::reverse(patterns.begin(), patterns.end());
  }
}

TEST_CASE("parameters have the names of the route that won") {
  Table table({route("get", {match("/u/{id}/{tail}", {"GET"})}), route("post", {match("/u/:user/:rest", {"POST"})})});
  CHECK(table.find("GET", "/u/1/2") == "get id=1 tail=2");
  CHECK(table.find("POST", "/u/1/2") == "post user=1 rest=2");
}

TEST_CASE("a path has no more parameters than there is room for") {
  std::string pattern, path, regex = "^";
  for (std::size_t i = 0; i < PathParameters::kMax; ++i) {
    pattern += "/{p" + std::to_string(i) + "}";
    path += "/" + std::to_string(i);
  }
  for (int i = 0; i < 20; ++i) regex += "/(?<g" + std::to_string(i) + ">x)";
  config::Route groups = route("groups", {config::Match{}});
  groups.matches[0].path_regex = regex;
  Table table({route("path", {match(pattern)}), groups});
  REQUIRE(table.problems.empty());
  TestRequest most("GET", path, "a.test");
  auto found = table.router.find(most.head, "public", most.arena).parameters;
  REQUIRE(found.all().size() == PathParameters::kMax);
  CHECK(found.find("p0") == "0");
  CHECK(found.find("p15") == "15");
  std::string twenty;
  for (int i = 0; i < 20; ++i) twenty += "/x";
  TestRequest many("GET", twenty, "a.test");
  CHECK(table.router.find(many.head, "public", many.arena).parameters.all().size() == PathParameters::kMax);
}

TEST_CASE("hosts: exact, then the longest wildcard, then any") {
  Table table({route("any", {match("/*")}), on_host("wide", "*.test"), on_host("narrow", "*.api.test"),
               on_host("exact", "a.api.test"), on_host("only-x", "b.api.test", "/x"), on_host("six", "[::1]")});
  REQUIRE(table.problems.empty());
  CHECK(table.get("/", "a.api.test") == "exact");
  CHECK(table.get("/", "a.api.test:8080") == "exact");
  CHECK(table.get("/", "a.api.test.") == "exact");
  CHECK(table.get("/", "b.api.test") == "narrow");
  CHECK(table.get("/x", "b.api.test") == "only-x");
  CHECK(table.get("/", "a.b.c.api.test") == "narrow");
  CHECK(table.get("/", "api.test") == "wide");
  CHECK(table.get("/", "test") == "any");
  CHECK(table.get("/", "xapi.test") == "wide");
  CHECK(table.get("/", "") == "any");
  CHECK(table.get("/", "[::1]:80") == "six");
  CHECK(table.get("/", std::string(5000, '.')) == "any");
}

TEST_CASE("a wildcard host does not stand for an empty label or for the bare domain") {
  Table table({on_host("w", "*.example.com")});
  CHECK(table.get("/", "example.com") == "404");
  CHECK(table.get("/", ".example.com") == "404");
  CHECK(table.get("/", "x.example.com") == "w");
}

TEST_CASE("methods: 405 with the methods of all that would do, HEAD with GET, the next route when one fails") {
  Table table({route("read", {match("/orders", {"GET"})}), route("write", {match("/orders", {"POST", "PUT"})}),
               route("tree", {match("/orders/*", {"DELETE"})})});
  CHECK(table.find("GET", "/orders") == "read");
  CHECK(table.find("HEAD", "/orders") == "read");
  CHECK(table.find("PUT", "/orders") == "write");
  CHECK(table.find("DELETE", "/orders") == "tree");
  CHECK(table.find("PATCH", "/orders") == "405 DELETE, GET, HEAD, POST, PUT");
  CHECK(table.find("PATCH", "/orders/7") == "405 DELETE");
  CHECK(table.find("PATCH", "/nothing") == "404");
  CHECK(table.find("get", "/orders").starts_with("405"));
}

TEST_CASE("conditions: the route with more of them comes first, whatever the order of writing") {
  config::Route two = route("two", {match("/x")});
  two.matches[0].headers = {{"X-Version", config::HeaderMatch::How::exact, "2", false}};
  two.matches[0].cookies = {{"beta", config::HeaderMatch::How::present, "", false}};
  config::Route one = route("one", {match("/x")});
  one.matches[0].headers = {{"x-version", config::HeaderMatch::How::exact, "2", false}};
  config::Route query = route("query", {match("/x")});
  query.matches[0].query = {{"q", config::HeaderMatch::How::prefix, "a b", false}};
  config::Route absent = route("absent", {match("/x")});
  absent.matches[0].headers = {{"x-version", config::HeaderMatch::How::present, "", true}};
  config::Route regex = route("regex", {match("/x")});
  regex.matches[0].headers = {{"x-version", config::HeaderMatch::How::regex, "^[0-9]+$", false}};
  Table table({absent, one, regex, query, two});
  REQUIRE(table.problems.empty());

  auto find = [&](std::string_view target, std::string_view version, std::string_view cookie) {
    TestRequest request("GET", target);
    if (!version.empty()) request.with("x-VERSION", version);
    if (!cookie.empty()) request.with("Cookie", cookie);
    return table.find(request);
  };
  CHECK(find("/x", "2", "a=1; beta=") == "two");
  CHECK(find("/x", "2", "a=1; betamax=1") == "one");
  CHECK(find("/x", "3", "") == "regex");
  CHECK(find("/x", "", "") == "absent");
  CHECK(find("/x?p=1&q=a%20bc", "v3", "") == "query");
  CHECK(find("/x?q=a+b", "v3", "") == "query");
  CHECK(find("/x?q=a", "v3", "") == "404");
}

TEST_CASE("of a repeated header any may hold") {
  config::Route r = route("r", {match("/x")});
  r.matches[0].headers = {{"via", config::HeaderMatch::How::exact, "b", false}};
  Table table({r});
  TestRequest request("GET", "/x");
  request.with("Via", "a").with("Via", "b");
  CHECK(table.find(request) == "r");
}

TEST_CASE("listeners") {
  config::Route inside = route("inside", {match("/metrics")});
  inside.matches[0].listeners = {"internal"};
  Table table({route("all", {match("/metrics")}), inside});
  TestRequest request("GET", "/metrics");
  CHECK(table.find(request, "internal") == "inside");
  CHECK(table.find(request, "public") == "all");
  CHECK(Table({inside}).find(request, "public") == "404");
}

TEST_CASE("regular expressions come last, in written order, and name their groups") {
  config::Route first = route("first", {config::Match{}}), second = route("second", {config::Match{}});
  first.matches[0].path_regex = "^/v(?<version>[0-9]+)/";
  second.matches[0].path_regex = "/v";
  Table table({second, first, route("plain", {match("/v1/{x}")})});
  CHECK(table.get("/v1/a") == "plain x=a");
  CHECK(table.get("/v1/a/b") == "second");
  CHECK(Table({first, second}).get("/v17/a/b") == "first version=17");
  CHECK(table.get("/w") == "404");
}

// The most that one automaton for all of them may take is injected: the client's path decides nothing about it.
TEST_CASE("many regular expressions are asked at once, with or without room for that") {
  std::vector<config::Route> routes;
  for (int i = 0; i < 200; ++i) {
    routes.push_back(route("r" + std::to_string(i), {config::Match{}}));
    routes.back().matches[0].path_regex = "^/.*x" + std::to_string(i) + "[a-z]{8}/(?<rest>.*)$";
  }
  for (std::int64_t memory : {std::int64_t{1'000}, std::int64_t{500'000}, RegexSet::kMaxMemory}) {
    config::Problems problems;
    Router router = Router::compile(routes, problems, memory);
    TestRequest request("GET", "/x7abcdefgh/x150abcdefgh/end");
    auto found = router.find(request.head, "public", request.arena);
    CHECK(found.kind == RouteMatch::Kind::found);
    CHECK(found.route == 7);
    CHECK(found.parameters.find("rest") == "x150abcdefgh/end");
  }
}

TEST_CASE("what does not compile is reported with its route") {
  config::Route bad = route("bad", {config::Match{}});
  bad.matches[0].path_regex = "^/(";
  Table table({bad, route("worse", {match("no-slash")})});
  REQUIRE(table.problems.size() == 2);
  CHECK(table.problems[0].line() == "r.yaml:3:3: routes/bad/match: path_regex: missing ): \"^/(\"");
  CHECK(table.problems[1].text.find("begins with \"/\"") != std::string::npos);
}

TEST_CASE("routes that match exactly the same requests are refused with both places") {
  Table table({route("a", {match("/u/{id}", {"GET", "POST"})}), route("bb", {match("/u/:name", {"POST", "GET"})}),
               route("ccc", {match("/u/{id}", {"GET"})}), route("dddd", {match("/x"), match("/x")})});
  REQUIRE(table.problems.size() == 2);
  CHECK(table.problems[0].line() ==
        "r.yaml:2:3: routes/bb/match: matches the same requests as the route \"a\" at r.yaml:1:3");
  CHECK(table.problems[1].text == "names the path /x twice");
}

TEST_CASE("the number of different methods is bounded") {
  std::vector<config::Route> routes;
  for (int i = 0; i < 70; ++i)
    routes.push_back(route("r" + std::to_string(i), {match("/x", {"M" + std::to_string(i)})}));
  CHECK(Table(routes).problems.size() == 7);
}

TEST_CASE("explain tells every candidate in the order of trial, and why it lost") {
  config::Route beta = route("beta", {match("/u/{id}")});
  beta.matches[0].headers = {{"x-beta", config::HeaderMatch::How::exact, "1", false}};
  Table table({route("all", {match("/*")}), route("user", {match("/u/{id}", {"GET"})}), beta,
               route("seven", {match("/u/7", {"POST"})}), on_host("host", "a.test", "/u/7/*")});
  TestRequest request("GET", "/u/7", "b.test");
  auto candidates = table.router.explain(request.head, "public", request.arena);
  std::string text;
  for (const auto& c : candidates) text += table.routes[c.route].id + " " + c.pattern + ": " + c.reason + "\n";
  CHECK(text ==
        "seven /u/7: takes only POST\n"
        "beta /u/{id}: expects the header x-beta \"1\"\n"
        "user /u/{id}: \n"
        "all /*: comes later: less specific, or written after the winner\n");
}

TEST_CASE("ten thousand routes: each request finds its own") {
  std::vector<config::Route> routes;
  for (int i = 0; i < 10'000; ++i) {
    std::string n = std::to_string(i);
    switch (i % 4) {
      case 0:
        routes.push_back(route(n, {match("/s" + n + "/list")}));
        break;
      case 1:
        routes.push_back(route(n, {match("/api/v1/r" + n + "/{id}")}));
        break;
      case 2:
        routes.push_back(route(n, {match("/t/{tenant}/r" + n + "/*")}));
        break;
      default:
        routes.push_back(on_host(n, "h" + n + ".example.com", "/{a}/x"));
        break;
    }
  }
  Table table(std::move(routes));
  REQUIRE(table.problems.empty());
  int wrong = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string n = std::to_string(i);
    std::string found = i % 4 == 0   ? table.get("/s" + n + "/list")
                        : i % 4 == 1 ? table.get("/api/v1/r" + n + "/7")
                        : i % 4 == 2 ? table.get("/t/me/r" + n + "/a/b")
                                     : table.get("/q/x", "h" + n + ".example.com");
    wrong += found != n + (i % 4 == 0 ? "" : i % 4 == 1 ? " id=7" : i % 4 == 2 ? " tenant=me" : " a=q");
  }
  CHECK(wrong == 0);
  CHECK(table.get("/api/v1/r1/") == "404");
}
