#include "exchange/upstream_head.h"

#include <doctest/doctest.h>

#include "core/exchange/setting.h"

namespace postern::proxy {
namespace {

struct Story final : Setting {
  http::RequestHead& request() { return *context().request; }
  void asks_for(std::string_view target, std::string_view path, std::string_view query = {}) {
    request().target = target;
    request().path = path;
    request().query = query;
  }
  const http::RequestHead& made(std::string_view protocol = {}) {
    auto head = make_upstream_head(context(), *the_route().upstream, "users.internal:80", protocol, context().arena);
    REQUIRE(head);
    return **head;
  }
};

TEST_CASE("the target goes on as the client wrote it, unless it says something else than the path") {
  Story s;
  s.asks_for("/a?b=1", "/a", "b=1");
  CHECK(s.made().target.data() == s.request().target.data());
  s.asks_for("/x/../a?b=1", "/a", "b=1");
  CHECK(s.made().target == "/a?b=1");
}

TEST_CASE("a rewritten path keeps its query") {
  Story s;
  s.route = "strip_prefix: /api";
  s.asks_for("/api/users?page=2", "/api/users", "page=2");
  CHECK(s.made().target == "/users?page=2");
  CHECK(s.made().path == "/users");
  CHECK(s.request().path == "/api/users");
}

TEST_CASE("Host is the client's, or the target's where the upstream wants its own") {
  Story s;
  CHECK(s.made().headers.get("Host") == "example.com");
  Story own;
  own.upstream = "{targets: [127.0.0.1:9], preserve_host: false}";
  CHECK(own.made().headers.get("Host") == "users.internal:80");
}

TEST_CASE("what the client says to a proxy stays here, and each attempt has a head of its own") {
  Story s;
  s.request().headers.add("Proxy-Authorization", "Basic secret");
  const http::RequestHead& first = s.made();
  CHECK(first.headers.find("Proxy-Authorization") == nullptr);
  CHECK(first.headers.get("X-Forwarded-For") == "192.0.2.7");
  CHECK(&s.made() != &first);
}

TEST_CASE("an extended CONNECT of HTTP/2 becomes a handshake of HTTP/1.1") {
  Story s;
  s.request().extended_connect = true;
  const http::RequestHead& head = s.made("websocket");
  CHECK(head.upgrade);
  CHECK(head.upgrade_protocol == "websocket");
  CHECK_FALSE(head.extended_connect);
  CHECK(head.headers.get("Sec-WebSocket-Version") == "13");
  CHECK(head.headers.get("Sec-WebSocket-Key")->size() == 24);
  CHECK_FALSE(s.made().upgrade);
}

}  // namespace
}  // namespace postern::proxy
