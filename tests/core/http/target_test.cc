// The one policy for request targets: what a path becomes, what is refused, and that nothing is copied in vain.
#include "http/target.h"

#include <doctest/doctest.h>

#include <string>

namespace postern::http {
namespace {

struct Fixture {
  BlockPool pool;
  Arena arena{pool};
};

TEST_CASE("paths are normalised, once and for all") {
  const struct {
    std::string_view raw, path;
  } cases[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/", "/a/"},
      {"//", "/"},
      {"//a///b//", "/a/b/"},
      {"/.", "/"},
      {"/./", "/"},
      {"/a/.", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/b/..", "/a/"},
      {"/a/b/../", "/a/"},
      {"/a/b/../../c", "/c"},
      {"/a//../b", "/b"},
      {"/.a", "/.a"},
      {"/..a/...", "/..a/..."},
      {"/a/.b/..c/d.", "/a/.b/..c/d."},
      {"/%61%2D%2e%5F%7e", "/a-._~"},
      {"/%2e/a", "/a"},
      {"/a/%2E%2e/b", "/b"},
      {"/a/.%2e", "/"},
      {"/a%2fb", "/a%2Fb"},
      {"/a%2f..%2fb", "/a%2F..%2Fb"},
      {"/%c3%a9", "/%C3%A9"},
      {"/%20%3f%23%25", "/%20%3F%23%25"},
      {"/%252e%252e/", "/%252e%252e/"},
      {"/%25%32%65", "/%252e"},
      {"/%0a%7f", "/%0A%7F"},
      {"/a;b=c,d/!$&'()*+=:@", "/a;b=c,d/!$&'()*+=:@"},
      {"/a|b^c{d}\"<>`[]", "/a|b^c{d}\"<>`[]"},
  };
  for (const auto& test : cases) {
    Fixture f;
    CAPTURE(test.raw);
    auto target = parse_target("GET", test.raw, f.arena);
    REQUIRE(target);
    CHECK(target->path == test.path);
    CHECK(target->origin == test.raw);
    auto again = parse_target("GET", target->path, f.arena);
    REQUIRE(again);
    CHECK(again->path.data() == target->path.data());
  }
}

TEST_CASE("nothing is copied when nothing changes") {
  for (std::string_view raw : {"/", "/a/b.c?d=%2e/..//", "/.well-known/x", "/a%2F", "*"}) {
    Fixture f;
    auto target = parse_target("OPTIONS", raw, f.arena);
    REQUIRE(target);
    CHECK(target->origin.size() == raw.size());
    if (raw != "*") CHECK(target->path.data() == raw.data());
    if (raw.find("%2F") == std::string_view::npos && raw.find("/.") == std::string_view::npos)
      CHECK(f.arena.total() == 0);
  }
}

TEST_CASE("the query is kept as it came") {
  Fixture f;
  auto target = parse_target("GET", "/a/../b?x=%2e%zz&y=../\\?&//", f.arena);
  REQUIRE(target);
  CHECK(target->path == "/b");
  CHECK(target->query == "x=%2e%zz&y=../\\?&//");
  target = parse_target("GET", "/?", f.arena);
  REQUIRE(target);
  CHECK(target->query.empty());
  CHECK(target->origin == "/?");
}

TEST_CASE("absolute targets are taken apart") {
  const struct {
    std::string_view method, raw, scheme, authority, origin, path, query;
  } cases[] = {
      {"GET", "http://A.b:80/c?d", "http", "A.b:80", "/c?d", "/c", "d"},
      {"GET", "HTTPS://a", "https", "a", "/", "/", ""},
      {"GET", "http://a?b", "http", "a", "/?b", "/", "b"},
      {"GET", "http://a/../", "", "", "", "", ""},
      {"GET", "http://[::1]:8080/x/./y", "http", "[::1]:8080", "/x/./y", "/x/y", ""},
      {"OPTIONS", "http://a", "http", "a", "*", "*", ""},
      {"OPTIONS", "http://a/", "http", "a", "/", "/", ""},
  };
  for (const auto& test : cases) {
    Fixture f;
    CAPTURE(test.raw);
    auto target = parse_target(test.method, test.raw, f.arena);
    REQUIRE(target.has_value() == !test.path.empty());
    if (!target) continue;
    CHECK(target->scheme == test.scheme);
    CHECK(target->authority == test.authority);
    CHECK(target->origin == test.origin);
    CHECK(target->path == test.path);
    CHECK(target->query == test.query);
  }
}

TEST_CASE("bad targets are refused") {
  for (std::string_view raw :
       {"",        "a",     "a/b",       "a:80",      "*a",      "/..",       "/../a",      "/a/../../b",
        "/%2e%2e", "/./..", "//..",      "/a/..//..", "/\\",     "/a%5cb",    "/%5C",       "/%00",
        "/%",      "/%4",   "/%4g",      "/%g4",      "/a%",     "/a b",      "/a\tb",      "/a#",
        "/?#",     "#",     "?a",        "http:/a",   "http://", "http:///a", "http://?a",  "ftp://a/",
        "://a/",   "/\x7f", "/\xc3\xa9", "/?\xc3",    "/?\x01",  "/?a b",     "http://a/\\"}) {
    Fixture f;
    CAPTURE(raw);
    auto target = parse_target("GET", raw, f.arena);
    REQUIRE(!target);
    CHECK(target.error().code == ErrorCode::bad_request);
    CHECK(target.error().origin == Origin::client);
  }
  Fixture f;
  CHECK(!parse_target("GET", "*", f.arena));
  CHECK(parse_target("OPTIONS", "*", f.arena));
  CHECK(!parse_target("GET", std::string_view("/a\0", 3), f.arena));
}

TEST_CASE("authorities are lower-cased") {
  for (auto [raw, authority] : {std::pair<std::string_view, std::string_view>{"a", "a"},
                                {"Example.COM", "example.com"},
                                {"a:0", "a:0"},
                                {"A:65535", "a:65535"},
                                {"a:00080", "a:00080"},
                                {"127.0.0.1:80", "127.0.0.1:80"},
                                {"[::1]", "[::1]"},
                                {"[FE80::1]:443", "[fe80::1]:443"},
                                {"[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"},
                                {"a-b_c~d.e!", "a-b_c~d.e!"},
                                {"%C3%A9.de", "%c3%a9.de"}}) {
    Fixture f;
    CAPTURE(raw);
    auto parsed = parse_authority(raw, f.arena);
    REQUIRE(parsed);
    CHECK(*parsed == authority);
    if (raw == authority) CHECK(parsed->data() == raw.data());
  }
}

TEST_CASE("bad authorities are refused") {
  for (std::string_view raw : {"",         ":",
                               ":80",      "a:",
                               "a:x",      "a:65536",
                               "a:123456", "a:-1",
                               "a:80:80",  "a b",
                               " a",       "a/",
                               "a?",       "a#",
                               "u@a",      "a\\b",
                               "[",        "[]",
                               "[::1",     "::1",
                               "[::1]x",   "[::1]:",
                               "[::1]:x",  "[1.2.3.4]",
                               "[::g]",    "[fe80::1%25eth0]",
                               "[v1.a]",   "[:::::::::::::::::::::::::::::::::::::::::::::::::::1]",
                               "a%",       "a%4",
                               "a%zz",     "\xc3\xa9",
                               "a\x01",    "a]"}) {
    Fixture f;
    CAPTURE(raw);
    CHECK(!parse_authority(raw, f.arena));
  }
  Fixture f;
  CHECK(!parse_authority(std::string_view("[::1\0]", 6), f.arena));
  CHECK(!parse_authority(std::string_view("a\0", 2), f.arena));
}

}  // namespace
}  // namespace postern::http
