#include <doctest/doctest.h>
#include <postern/testing.h>

#include <string>

using postern::testing::FakeExchange;
using postern::testing::FakeGateway;
using postern::testing::FakeHeaders;
using namespace std::string_literals;

namespace {

const std::string kMessage = "\0\0\0\0\2hi"s;
const std::string kOk = "\x80\0\0\0\x10grpc-status: 0\r\n"s;
constexpr const char* kMessageText = "AAAAAAJoaQ==";

struct Gateway : FakeGateway {
  Gateway() { configure_json("{}"); }
  FakeExchange& call(std::string type, FakeExchange::Chunks body, FakeHeaders more = {}) {
    more.add("Content-Type", type);
    return request("POST", "/pkg.Service/Method", more).body(std::move(body));
  }
};

FakeHeaders of_type(std::string type) { return {{"Content-Type", type}}; }
FakeHeaders grpc() { return of_type("application/grpc"); }

}  // namespace

TEST_CASE("a binary call goes through with its types changed and its trailers as the last frame") {
  Gateway gateway;
  auto& x = gateway.call("application/grpc-web+proto", {kMessage}, {{"Accept", "application/grpc-web+proto"}});
  x.trailers({}, {{"Grpc-Status", "0"}}).send();
  CHECK(x.upstream_headers().get("Content-Type") == "application/grpc+proto");
  CHECK(x.upstream_headers().get("TE") == "trailers");
  CHECK_FALSE(x.upstream_headers().contains("Accept"));
  CHECK(x.upstream_body() == kMessage);
  x.reply(200, grpc(), {kMessage, kMessage});
  CHECK(x.response_headers().get("Content-Type") == "application/grpc-web+proto");
  CHECK(x.response_body() == kMessage + kMessage + kOk);
  CHECK(x.response_trailers().size() == 0);
  x.finish();
}

TEST_CASE("a call in text is decoded, however it is cut, and each piece of the answer is text of its own") {
  Gateway gateway;
  auto& x = gateway.call("application/grpc-web-text", {"AAA", "AAAJ", "oaQ=", "="});
  x.trailers({}, {{"grpc-status", "0"}}).send();
  CHECK(x.upstream_headers().get("Content-Type") == "application/grpc");
  CHECK(x.upstream_body() == kMessage);
  x.reply(200, grpc(), {kMessage, kMessage});
  CHECK(x.response_headers().get("Content-Type") == "application/grpc-web-text");
  CHECK(x.response_body() == std::string(kMessageText) + kMessageText + "gAAAABBncnBjLXN0YXR1czogMA0K");
  x.finish();
}

TEST_CASE("every cut of the text is the same call") {
  postern::testing::every_split(kMessageText, [](FakeExchange::Chunks chunks) {
    Gateway gateway;
    auto& x = gateway.call("application/grpc-web-text", std::move(chunks)).send();
    CHECK(x.upstream_body() == kMessage);
    x.abort();
  });
}

TEST_CASE("Accept alone may ask for text") {
  Gateway gateway;
  auto& x = gateway.call("application/grpc-web", {kMessage}, {{"Accept", "application/grpc-web-text"}});
  x.trailers({}, {{"grpc-status", "0"}}).send();
  CHECK(x.upstream_body() == kMessage);
  x.reply(200, grpc(), {kMessage});
  CHECK(x.response_headers().get("Content-Type") == "application/grpc-web-text");
  CHECK(x.response_body().starts_with(kMessageText));
  x.finish();
}

TEST_CASE("text that is not base64, or stops short, is refused") {
  for (const FakeExchange::Chunks& body : {FakeExchange::Chunks{"AAA*"}, {"AAAA", "AA"}, {"=AAA"}}) {
    Gateway gateway;
    auto& x = gateway.call("application/grpc-web-text", body).send();
    CHECK_FALSE(x.at_upstream());
    CHECK(x.status() == 200);
    CHECK(x.response_headers().get("grpc-status") == "13");
    CHECK(x.response_body().empty());
    x.finish();
  }
}

TEST_CASE("a response of trailers only keeps them in its head") {
  Gateway gateway;
  auto& x = gateway.call("application/grpc-web", {kMessage}).send();
  x.reply(200, {{"Content-Type", "application/grpc"}, {"grpc-status", "5"}, {"grpc-message", "gone"}});
  CHECK(x.response_headers().get("grpc-status") == "5");
  CHECK(x.response_headers().get("Content-Type") == "application/grpc-web");
  CHECK(x.response_body().empty());
  x.finish();
}

TEST_CASE("all trailers stand in the frame, and a missing status is said to be missing") {
  Gateway gateway;
  auto& x = gateway.call("application/grpc-web", {kMessage});
  x.trailers({}, {{"X-Why", "because"}}).send().reply(200, grpc(), {kMessage});
  CHECK(x.response_body().find("x-why: because\r\ngrpc-status: 2\r\ngrpc-message: the upstream") != std::string::npos);
  x.finish();
}

TEST_CASE("a head that is all there is says that the status is missing") {
  Gateway gateway;
  auto& x = gateway.call("application/grpc-web", {kMessage}).send();
  x.reply(200, grpc());
  CHECK(x.response_headers().get("grpc-status") == "2");
  CHECK(x.response_headers().get("grpc-message") == "the upstream ended the response without a status");
  CHECK(x.response_body().empty());
  x.finish();
}

TEST_CASE("errors of HTTP become statuses of gRPC") {
  Gateway gateway;
  auto& x = gateway.call("application/grpc-web+proto", {kMessage}).send();
  x.fail_upstream(POSTERN_OUTCOME_CONNECT_FAILED);
  CHECK(x.status() == 200);
  CHECK(x.response_headers().get("grpc-status") == "14");
  CHECK(x.response_headers().get("grpc-message") == "Bad Gateway");
  CHECK(x.response_headers().get("Content-Type") == "application/grpc-web+proto");
  CHECK(x.response_body().empty());
  x.finish();

  auto& late = gateway.call("application/grpc-web", {kMessage}).send();
  late.fail_upstream(POSTERN_OUTCOME_TIMEOUT);
  CHECK(late.response_headers().get("grpc-status") == "4");
  late.finish();

  auto& page = gateway.call("application/grpc-web", {kMessage}).send();
  page.reply(504, {{"Content-Type", "text/html"}, {"Content-Encoding", "gzip"}}, {"<p>", "late"});
  CHECK(page.response_headers().get("grpc-status") == "14");
  CHECK_FALSE(page.response_headers().contains("Content-Encoding"));
  CHECK(page.response_body().empty());
  page.finish();
}

TEST_CASE("whatever else there is passes as it is") {
  Gateway gateway;
  for (const char* type : {"application/grpc", "application/json", "application/grpc-websocket"}) {
    auto& x = gateway.call(type, {"AAA*"}, {{"Accept", "a/b"}}).trailers({}, {{"grpc-status", "0"}}).send();
    CHECK(x.upstream_headers().get("Content-Type") == type);
    CHECK(x.upstream_headers().get("Accept") == "a/b");
    CHECK(x.upstream_body() == "AAA*");
    x.reply(500, grpc(), {kMessage});
    CHECK(x.status() == 500);
    CHECK(x.response_body() == kMessage);
    CHECK(x.response_trailers().get("grpc-status") == "0");
    x.finish();
  }
  auto& preflight = gateway.request("OPTIONS", "/", of_type("application/grpc-web")).send();
  preflight.reply(404);
  CHECK(preflight.status() == 404);
  preflight.finish();

  auto& call = gateway.call("application/grpc-web", {kMessage}).send();
  call.reply(200, of_type("text/html"), {"a page"});
  CHECK(call.response_headers().get("Content-Type") == "text/html");
  CHECK(call.response_body() == "a page");
  call.finish();
}
