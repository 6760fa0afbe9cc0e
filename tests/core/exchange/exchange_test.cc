// The whole of an exchange, from a request's head to the end of its response, between a fake client and a fake upstream.
#include "exchange/exchange.h"

#include <doctest/doctest.h>

#include "core/exchange/fake_upstream.h"

namespace postern::proxy {
namespace {

struct Story final : Setting {
  FakeUpstream upstreams{*this};
  std::unique_ptr<Exchange> made;
  std::string completed;  // what on_complete of the plugin that watch() adds is told

  FakeConnection& connection() { return upstreams.connection(); }
  FakePlugin& watch() {
    FakePlugin& p = plugin();
    p.complete = [this](const postern_completion& c) {
      completed = std::to_string(c.status) + " end=" + std::to_string(c.end) + " origin=" + std::to_string(c.origin) +
                  " attempts=" + std::to_string(c.attempts) + " " +
                  std::string(c.error_code_view.ptr, c.error_code_view.len);
    };
    return p;
  }
  Exchange& exchange() {
    if (made == nullptr) made = std::make_unique<Exchange>(client, 1, worker, plan());
    return *made;
  }
  http::RequestHead& head(std::string_view method = "GET", http::BodyFraming body = {}) {
    return *new_request(exchange().arena(), method, body);
  }
  void begin(http::RequestHead& request) {
    exchange().begin(request, http::is_empty(request.body));
    exchange().advance();
  }
  http::ResponseHead& response_of(std::uint16_t status, http::BodyFraming body = {}) {
    Arena& arena = exchange().arena();
    auto* made_head = new (arena.allocate(sizeof(http::ResponseHead))) http::ResponseHead(arena);
    made_head->status = status;
    made_head->body = body;
    return *made_head;
  }
};

constexpr http::BodyFraming kChunked{http::BodyKind::chunked, 0};

TEST_CASE("a request goes to the upstream, and its answer to the client") {
  Story s;
  s.watch();
  FakeConnection& upstream = s.connection();
  s.begin(s.head());
  CHECK(upstream.head.starts_with("GET /\n"));
  upstream.answer(s.response_of(200, kChunked), /*ends=*/false);
  upstream.user->on_response_body("hello");
  upstream.user->on_response_end(nullptr);
  CHECK(s.client.status == 200);
  CHECK(s.client.body == "hello");
  CHECK(s.client.end == POSTERN_END_OK);
  CHECK_FALSE(s.client.must_close);
  CHECK(upstream.given_back);
  CHECK(s.completed == "200 end=0 origin=1 attempts=1 ");
}

TEST_CASE("a plugin refuses a request, and no upstream is asked") {
  Story s;
  FakePlugin& plugin = s.watch();
  plugin.request = [&] {
    CHECK(s.exchange().respond_error(403, "FORBIDDEN", "not you", 0) == POSTERN_OK);
    return POSTERN_RESPOND;
  };
  FakeConnection& upstream = s.connection();
  s.begin(s.head());
  CHECK(s.client.status == 403);
  CHECK(s.client.body == R"({"error":{"code":"FORBIDDEN","message":"not you"}})");
  CHECK(upstream.user == nullptr);
  CHECK(upstream.head.empty());
  CHECK(s.completed == "403 end=0 origin=2 attempts=0 FORBIDDEN");
}

TEST_CASE("an upstream that fails is answered for with 502") {
  Story s;
  s.watch();
  FakeConnection& upstream = s.connection();
  s.begin(s.head());
  upstream.lose();
  CHECK(s.client.status == 502);
  CHECK(s.client.body == R"({"error":{"code":"PROXY_ERROR","message":"Bad Gateway"}})");
  CHECK(s.client.end == POSTERN_END_OK);
  CHECK(s.completed == "502 end=0 origin=2 attempts=1 PROXY_ERROR");
}

TEST_CASE("an answer that breaks off cuts the client off") {
  Story s;
  s.watch();
  FakeConnection& upstream = s.connection();
  s.begin(s.head());
  upstream.answer(s.response_of(200, kChunked), /*ends=*/false);
  upstream.user->on_response_body("hel");
  upstream.lose();
  CHECK_FALSE(s.client.ended);
  CHECK(s.client.end == POSTERN_END_UPSTREAM);
  CHECK(s.client.must_close);
  CHECK(s.completed == "200 end=" + std::to_string(POSTERN_END_UPSTREAM) + " origin=1 attempts=1 PROXY_ERROR");
}

TEST_CASE("a plugin has a failed request sent again, with its body, and response hooks see the second answer alone") {
  Story s;
  FakePlugin& plugin = s.watch();
  plugin.upstream_result = [&](const postern_upstream_result& result) {
    if (result.outcome == POSTERN_OUTCOME_RESET) CHECK(s.exchange().retry(100) == POSTERN_OK);
  };
  int responses = 0;
  plugin.response = [&] {
    ++responses;
    return POSTERN_CONTINUE;
  };
  FakeConnection& first = s.connection();
  s.begin(s.head("POST", kChunked));
  s.exchange().on_client_body("one");
  CHECK(first.body == "one");
  first.lose();
  CHECK(s.client.flow == std::vector{true, false});
  FakeConnection& second = s.connection();
  s.pass_ms(100);
  CHECK(second.body == "one");
  s.exchange().on_client_body("two");
  s.exchange().on_client_body_end(nullptr);
  CHECK(second.body == "onetwo.");
  second.answer(s.response_of(201));
  CHECK(s.client.status == 201);
  CHECK(responses == 1);
  CHECK(s.completed == "201 end=0 origin=1 attempts=2 ");
}

TEST_CASE("a hook suspends, and the request goes on when it is resumed") {
  Story s;
  postern_ticket ticket{};
  FakePlugin& plugin = s.plugin();
  plugin.request = [&] {
    s.exchange().pause(ticket);
    return POSTERN_SUSPEND;
  };
  FakeConnection& upstream = s.connection();
  s.begin(s.head());
  CHECK(upstream.head.empty());
  CHECK(s.exchange().resume(ticket.pause, POSTERN_CONTINUE) == POSTERN_OK);
  CHECK(upstream.head.starts_with("GET /\n"));
}

TEST_CASE("a client that leaves ends the exchange and its attempt") {
  Story s;
  s.watch();
  FakeConnection& upstream = s.connection();
  s.begin(s.head());
  s.exchange().on_client_gone(POSTERN_END_CLIENT_GONE);
  CHECK(upstream.discarded);
  CHECK(s.completed == "0 end=" + std::to_string(POSTERN_END_CLIENT_GONE) + " origin=0 attempts=1 ");
  CHECK_FALSE(s.client.end);
}

TEST_CASE("a suspended body hook that aborts while a failure is told ends the exchange once") {
  Story s;
  postern_ticket ticket{};
  FakePlugin& plugin = s.watch();
  plugin.request_policy = body_policy(POSTERN_BODY_STREAM);
  plugin.request_body = [&](std::string_view, std::uint32_t) {
    s.exchange().pause(ticket);
    return POSTERN_SUSPEND;
  };
  plugin.upstream_result = [&](const postern_upstream_result&) { s.exchange().resume(ticket.pause, POSTERN_ABORT); };
  FakeConnection& upstream = s.connection();
  s.begin(s.head("POST", kChunked));
  s.exchange().on_client_body("one");
  upstream.lose();
  CHECK(s.client.end == POSTERN_END_ABORTED);
  CHECK_FALSE(s.client.status);
}

TEST_CASE("a gRPC call that takes longer than it may is told so in its own way") {
  Story s;
  s.watch();
  FakeConnection& upstream = s.connection();
  http::RequestHead& request = s.head("POST", kChunked);
  request.headers.add("content-type", "application/grpc");
  request.headers.add("grpc-timeout", "500m");
  s.begin(request);
  s.pass_ms(500);
  CHECK(upstream.discarded);
  CHECK(s.client.status == 200);
  CHECK(s.client.headers.find("grpc-status: 4\n") != std::string::npos);
  CHECK(s.completed == "504 end=0 origin=2 attempts=1 TIMEOUT");
}

TEST_CASE("an upstream that changes the protocol leaves a tunnel in both directions") {
  Story s;
  s.route = "upgrade: [other]";
  s.watch();
  FakeConnection& upstream = s.connection();
  http::RequestHead& request = s.head();
  request.upgrade = true;
  request.upgrade_protocol = "other";
  s.begin(request);
  http::ResponseHead& response = s.response_of(101);
  response.upgrade = true;
  response.upgrade_protocol = "other";
  upstream.answer(response, /*ends=*/false);
  CHECK(s.client.status == 101);
  s.exchange().on_client_body("ping");
  CHECK(upstream.body == "ping");
  upstream.user->on_response_body("pong");
  CHECK(s.client.body == "pong");
  upstream.user->on_response_end(nullptr);
  CHECK(s.client.end == POSTERN_END_OK);
  CHECK(s.completed == "101 end=0 origin=1 attempts=1 ");
}

TEST_CASE("an upstream that changes to a protocol which nobody asked for is answered for with 502") {
  Story s;
  FakeConnection& upstream = s.connection();
  s.begin(s.head());
  http::ResponseHead& response = s.response_of(101);
  response.upgrade = true;
  response.upgrade_protocol = "other";
  upstream.answer(response, /*ends=*/false);
  CHECK(s.client.status == 502);
  CHECK(upstream.discarded);
}

}  // namespace
}  // namespace postern::proxy
