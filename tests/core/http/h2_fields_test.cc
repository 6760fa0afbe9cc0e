// HTTP/2 fields become heads, or are refused: nothing that HTTP/1 could read differently comes through.
#include "http/h2_fields.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

namespace postern::http {
namespace {

using Section = H2FieldReader::Section;
using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

struct Fixture {
  BlockPool pool;
  Arena arena{pool};
  HeadLimits limits;

  H2FieldReader read(Section section, Fields fields) {
    H2FieldReader reader(section, limits, arena);
    for (auto [name, value] : fields) reader.add(name, value);
    return reader;
  }
  auto request(Fields fields, bool ends = true) { return read(Section::request, fields).finish_request(ends); }
  auto get(Fields more, bool ends = true) {
    H2FieldReader reader(Section::request, limits, arena);
    for (auto [name, value] : Fields{{":method", "GET"}, {":scheme", "https"}, {":path", "/a"}, {":authority", "h"}})
      reader.add(name, value);
    for (auto [name, value] : more) reader.add(name, value);
    return reader.finish_request(ends);
  }
  auto response(Fields fields, bool ends = true, bool to_head = false) {
    return read(Section::response, fields).finish_response(ends, to_head);
  }
};

std::string text_of(const HeaderList& headers) {
  std::string text;
  for (const Field& f : headers) text.append(f.name).append("=").append(f.value).append("|");
  return text;
}

TEST_CASE("a request's fields become its head") {
  Fixture f;
  auto head = f.request({{":method", "POST"},
                         {":scheme", "https"},
                         {":authority", "Example.ORG:8443"},
                         {":path", "/a/../b%41?q=1"},
                         {"accept", "*/*"},
                         {"content-length", "12"},
                         {"te", "trailers"},
                         {"expect", "100-continue"}},
                        false);
  REQUIRE(head);
  CHECK((*head)->method == "POST");
  CHECK((*head)->scheme == "https");
  CHECK((*head)->authority == "example.org:8443");
  CHECK((*head)->target == "/a/../b%41?q=1");
  CHECK((*head)->path == "/bA");
  CHECK((*head)->query == "q=1");
  CHECK((*head)->version == Version::http2);
  CHECK((*head)->body.kind == BodyKind::length);
  CHECK((*head)->body.length == 12);
  CHECK((*head)->te_trailers);
  CHECK((*head)->expect_continue);
  CHECK_FALSE((*head)->upgrade);
  CHECK(text_of((*head)->headers) == "Host=Example.ORG:8443|accept=*/*|");
}

TEST_CASE("how a request's body comes is said by its length and its end") {
  Fixture f;
  CHECK((*f.get({}))->body.kind == BodyKind::none);
  CHECK((*f.get({}, false))->body.kind == BodyKind::chunked);
  CHECK((*f.get({{"content-length", "0"}}))->body.kind == BodyKind::length);
  auto lies = f.get({{"content-length", "5"}});
  REQUIRE_FALSE(lies);
  CHECK(lies.error().malformed);
}

TEST_CASE("Host may stand for :authority, and has to agree with it") {
  Fixture f;
  auto host_alone = f.request({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "h:1"}});
  REQUIRE(host_alone);
  CHECK((*host_alone)->authority == "h:1");
  CHECK(text_of((*host_alone)->headers) == "Host=h:1|");
  auto both = f.get({{"host", "H"}});
  REQUIRE(both);
  CHECK((*both)->authority == "h");
  CHECK(text_of((*both)->headers) == "Host=H|");
}

TEST_CASE("cookie crumbs become one field, and count as one") {
  Fixture f;
  f.limits.fields = 2;
  auto head = f.get({{"cookie", "a=1"}, {"x", "y"}, {"cookie", ""}, {"cookie", "b=2"}, {"cookie", "c=3"}});
  REQUIRE(head);
  CHECK(text_of((*head)->headers) == "Host=h|x=y|cookie=a=1; b=2; c=3|");
}

TEST_CASE("an extended CONNECT looks like an upgrade") {
  Fixture f;
  auto head = f.request({{":method", "CONNECT"},
                         {":protocol", "websocket"},
                         {":scheme", "https"},
                         {":path", "/chat"},
                         {":authority", "h"},
                         {"sec-websocket-version", "13"}},
                        false);
  REQUIRE(head);
  CHECK((*head)->method == "GET");
  CHECK((*head)->extended_connect);
  CHECK((*head)->upgrade);
  CHECK((*head)->upgrade_protocol == "websocket");
  CHECK((*head)->body.kind == BodyKind::none);
}

TEST_CASE("requests that break HTTP/2 are malformed") {
  const struct {
    std::string_view what;
    Fields fields;
  } cases[] = {
      {"no method", {{":scheme", "http"}, {":path", "/"}, {":authority", "h"}}},
      {"no scheme", {{":method", "GET"}, {":path", "/"}, {":authority", "h"}}},
      {"no path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}}},
      {"empty path", {{":method", "GET"}, {":scheme", "http"}, {":path", ""}, {":authority", "h"}}},
      {"no authority", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}},
      {"empty authority", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", ""}}},
      {"absolute path", {{":method", "GET"}, {":scheme", "http"}, {":path", "http://h/"}, {":authority", "h"}}},
      {"method with a space", {{":method", "GET /"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}}},
      {"protocol in a GET",
       {{":method", "GET"}, {":protocol", "x"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}}},
      {"status", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}, {":status", "200"}}},
  };
  for (const auto& test : cases) {
    CAPTURE(test.what);
    Fixture f;
    auto head = f.request(test.fields);
    REQUIRE_FALSE(head);
    CHECK(head.error().malformed);
    CHECK(head.error().error.origin == Origin::client);
  }
}

TEST_CASE("fields that HTTP/1 could read differently are malformed") {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> cases[] = {
      {":method", "GET"},
      {":path", "/other"},
      {":authority", "other"},
      {":unknown", "x"},
      {"x", "a\r\nevil: 1"},
      {"x", "a\nb"},
      {"x", "a\rb"},
      {"x", "a\0b"sv},
      {"x", "\x7f"},
      {"x", " a"},
      {"x", "a "},
      {"x", "\ta"},
      {"X-Upper", "a"},
      {"", "a"},
      {"a b", "c"},
      {"a:b", "c"},
      {"a\r\nb", "c"},
      {"a\0b"sv, "c"},
      {"\xc3\xa9", "c"},
      {"connection", "close"},
      {"connection", ""},
      {"keep-alive", "timeout=5"},
      {"proxy-connection", "close"},
      {"transfer-encoding", "chunked"},
      {"transfer-encoding", "identity"},
      {"upgrade", "h2c"},
      {"te", "gzip"},
      {"te", "trailers, gzip"},
      {"te", "Trailers"},
      {"host", "other"},
      {"host", "h, h"},
      {"content-length", "1"},
      {"content-length", "+0"},
      {"content-length", "0x0"},
      {"content-length", "0, 0"},
      {"content-length", ""},
      {"content-length", "99999999999999999999"},
  };
  for (const auto& [name, value] : cases) {
    CAPTURE(name);
    CAPTURE(value);
    Fixture f;
    auto head = f.get({{name, value}});
    REQUIRE_FALSE(head);
    CHECK(head.error().malformed);
  }
}

TEST_CASE("fields that may stand once are refused the second time") {
  for (std::string_view name : {"host", "content-length"}) {
    CAPTURE(name);
    Fixture f;
    auto value = name == "host" ? "h" : "0";
    auto head = f.get({{name, value}, {name, value}});
    REQUIRE_FALSE(head);
    CHECK(head.error().malformed);
  }
}

TEST_CASE("a pseudo-header field after a regular one is malformed") {
  Fixture f;
  auto head = f.request({{":method", "GET"}, {":scheme", "http"}, {"a", "b"}, {":path", "/"}, {":authority", "h"}});
  REQUIRE_FALSE(head);
  CHECK(head.error().malformed);
}

TEST_CASE("what the gateway does not take, but HTTP/2 allows, has a status") {
  const struct {
    Fields fields;
    ErrorCode code;
  } cases[] = {
      {{{":method", "GET"}, {":scheme", "http"}, {":path", "/a\\b"}, {":authority", "h"}}, ErrorCode::bad_request},
      {{{":method", "GET"}, {":scheme", "http"}, {":path", "/../b"}, {":authority", "h"}}, ErrorCode::bad_request},
      {{{":method", "GET"}, {":scheme", "http"}, {":path", "/a b"}, {":authority", "h"}}, ErrorCode::bad_request},
      {{{":method", "GET"}, {":scheme", "http"}, {":path", "*"}, {":authority", "h"}}, ErrorCode::bad_request},
      {{{":method", "GET"}, {":scheme", "ftp"}, {":path", "/"}, {":authority", "h"}}, ErrorCode::bad_request},
      {{{":method", "CONNECT"}, {":authority", "h:1"}}, ErrorCode::not_implemented},
      {{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}, {"expect", "x"}},
       ErrorCode::expectation_failed},
  };
  for (const auto& test : cases) {
    Fixture f;
    auto head = f.request(test.fields);
    REQUIRE_FALSE(head);
    CHECK_FALSE(head.error().malformed);
    CHECK(head.error().error.code == test.code);
  }
}

TEST_CASE("limits of a head hold for what HPACK unpacks") {
  Fixture f;
  f.limits = {16, 200, 3};
  CHECK(f.get({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  auto many = f.get({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  REQUIRE_FALSE(many);
  CHECK(many.error().error.code == ErrorCode::headers_too_large);
  auto large = f.get({{"a", std::string(200, 'x')}});
  REQUIRE_FALSE(large);
  CHECK(large.error().error.code == ErrorCode::headers_too_large);
  auto line =
      f.request({{":method", "GET"}, {":scheme", "http"}, {":path", "/12345678901234567"}, {":authority", "h"}});
  REQUIRE_FALSE(line);
  CHECK(line.error().error.code == ErrorCode::uri_too_long);
  auto worse = f.get({{"a", std::string(200, 'x')}, {"connection", "close"}});
  REQUIRE_FALSE(worse);
  CHECK(worse.error().malformed);

  H2FieldReader bomb(Section::request, f.limits, f.arena);
  int taken = 0;
  while (bomb.add("a", std::string(80, 'x'))) ++taken;
  CHECK(taken < 12);
}

TEST_CASE("a response's fields become its head") {
  Fixture f;
  auto head =
      f.response({{":status", "200"}, {"content-length", "3"}, {"set-cookie", "a"}, {"set-cookie", "b"}}, false);
  REQUIRE(head);
  CHECK((*head)->status == 200);
  CHECK((*head)->version == Version::http2);
  CHECK((*head)->body.kind == BodyKind::length);
  CHECK(text_of((*head)->headers) == "set-cookie=a|set-cookie=b|");
  CHECK((*f.response({{":status", "200"}}, false))->body.kind == BodyKind::chunked);
  CHECK((*f.response({{":status", "204"}}))->body.kind == BodyKind::none);
  CHECK((*f.response({{":status", "200"}, {"content-length", "3"}}, true, true))->body.length == 3);
  CHECK((*f.response({{":status", "304"}, {"content-length", "3"}}))->body.length == 3);
  CHECK(f.response({{":status", "103"}, {"link", "x"}}, false));
}

TEST_CASE("responses that break HTTP/2 are the upstream's fault") {
  const Fields cases[] = {
      {{"x", "y"}},
      {{":status", "20"}},
      {{":status", "2000"}},
      {{":status", "099"}},
      {{":status", "+20"}},
      {{":status", "101"}},
      {{":status", "103"}},
      {{":status", "200"}, {":status", "200"}},
      {{":status", "200"}, {":path", "/"}},
      {{":status", "200"}, {"content-length", "3"}},
      {{":status", "200"}, {"transfer-encoding", "chunked"}},
      {{":status", "200"}, {"connection", "close"}},
      {{":status", "200"}, {"x", "a\r\nb: c"}},
  };
  for (const auto& fields : cases) {
    Fixture f;
    auto head = f.response(fields);
    REQUIRE_FALSE(head);
    CHECK(head.error().malformed);
    CHECK(head.error().error.origin == Origin::upstream);
    CHECK(head.error().error.code == ErrorCode::proxy_error);
  }
}

TEST_CASE("trailers keep what may come after a body") {
  Fixture f;
  auto trailers = f.read(Section::response_trailers, {{"grpc-status", "0"}, {"content-type", "x"}}).finish_trailers();
  REQUIRE(trailers);
  REQUIRE(*trailers != nullptr);
  CHECK(text_of(**trailers) == "grpc-status=0|");
  auto none = f.read(Section::request_trailers, {{"authorization", "x"}}).finish_trailers();
  REQUIRE(none);
  CHECK(*none == nullptr);
  for (std::string_view name : {"content-length", "transfer-encoding", "host", ":status", ":path", "connection"}) {
    CAPTURE(name);
    auto bad = f.read(Section::request_trailers, {{name, "1"}}).finish_trailers();
    REQUIRE_FALSE(bad);
    CHECK(bad.error().malformed);
  }
}

}  // namespace
}  // namespace postern::http
