#include <doctest/doctest.h>
#include <postern/testing.h>

#include <fstream>
#include <string>

#include "message_frames.h"

using postern::testing::FakeExchange;
using postern::testing::FakeGateway;
using postern::testing::FakeHeaders;
using namespace std::string_literals;

namespace {

struct Gateway : FakeGateway {
  explicit Gateway(const std::string& more = "") {
    configure_json("{\"descriptors\":\"" DESCRIPTORS "\",\"request_limit\":1000,\"response_limit\":1000" + more + "}");
  }
};

FakeHeaders grpc() { return {{"Content-Type", "application/grpc"}, {"grpc-encoding", "identity"}, {"X-Shelf", "1"}}; }
const std::string kPage = framed("\x0a\x01x");  // field 1 is "x"
constexpr const char* kBook = "/v1/shelves/1/books/2";

}  // namespace

TEST_CASE("a request without a body is given one, and its answer becomes JSON") {
  Gateway gateway;
  auto& x = gateway.request("GET", kBook, {{"Accept", "application/json"}, {"X-Tenant", "blue"}});
  x.trailers({}, {{"grpc-status", "0"}}).send();
  CHECK(x.upstream_method() == "POST");
  CHECK(x.upstream_path() == "/library.v1.Library/GetBook");
  CHECK(x.upstream_headers().get("Content-Type") == "application/grpc");
  CHECK(x.upstream_headers().get("TE") == "trailers");
  CHECK(x.upstream_headers().get("X-Tenant") == "blue");
  CHECK_FALSE(x.upstream_headers().contains("Accept"));
  CHECK(x.upstream_body() == framed("\x0a\x11shelves/1/books/2"));
  x.reply(200, grpc(), {kPage});
  CHECK(x.status() == 200);
  CHECK(x.response_body() == R"({"name":"x"})");
  CHECK(x.response_headers().get("Content-Type") == "application/json");
  CHECK(x.response_headers().get("X-Shelf") == "1");
  CHECK_FALSE(x.response_headers().contains("grpc-encoding"));
  CHECK(x.response_trailers().size() == 0);
  x.finish();
}

TEST_CASE("every cut of a body is the same message, and the parameters are kept until it is whole") {
  postern::testing::every_split(R"({"name":"x"})", [](FakeExchange::Chunks chunks) {
    Gateway gateway;
    auto& x = gateway.request("POST", "/v1/shelves/1/books?id=7").body(std::move(chunks)).send();
    CHECK(x.upstream_body() == framed("\x0a\x09shelves/1\x12\x03\x0a\x01x\x1a\x01"s + "7"));
    x.abort();
  });
}

TEST_CASE("every cut of a stream is the same lines") {
  postern::testing::every_split(kPage + kPage, [](FakeExchange::Chunks chunks) {
    Gateway gateway;
    auto& x = gateway.request("GET", "/v1/read/a").trailers({}, {{"grpc-status", "0"}}).send();
    x.reply(200, grpc(), std::move(chunks));
    CHECK(x.response_body() == "{\"result\":{\"text\":\"x\"}}\n{\"result\":{\"text\":\"x\"}}\n");
    CHECK(x.response_headers().get("Content-Type") == "application/x-ndjson");
    x.finish();
  });
}

TEST_CASE("the status comes from the trailers, also when a message has come") {
  Gateway gateway;
  auto& x = gateway.request("GET", kBook).trailers({}, {{"grpc-status", "9"}, {"grpc-message", "not%20yet"}}).send();
  x.reply(200, grpc(), {kPage});
  CHECK(x.status() == 400);
  CHECK(x.response_body() == R"({"code":9,"message":"not yet","details":[]})");
  x.finish();
}

TEST_CASE("a head that nothing follows is judged by itself") {
  Gateway gateway;
  auto& gone = gateway.request("GET", kBook).send();
  gone.reply(200,
             {{"Content-Type", "application/grpc"}, {"grpc-status", "5"}, {"grpc-message", "gone"}, {"X-Why", "old"}});
  CHECK(gone.status() == 404);
  CHECK(gone.response_body() == R"({"code":5,"message":"gone","details":[]})");
  CHECK(gone.response_headers().get("X-Why") == "old");
  gone.finish();
  auto& silent = gateway.request("GET", kBook).send();
  silent.reply(200, grpc());
  CHECK(silent.status() == 500);
  silent.finish();
}

TEST_CASE("of a stream HEAD is answered when it begins") {
  Gateway gateway;
  auto& x = gateway.request("HEAD", "/v1/read/a", {{"Accept", "text/event-stream"}}).send();
  CHECK(x.upstream_method() == "POST");
  CHECK(x.upstream_body() == framed("\x0a\x01\x61"));
  x.reply(200, grpc());
  CHECK(x.status() == 200);
  CHECK(x.response_headers().get("Content-Type") == "text/event-stream");
  CHECK(x.response_headers().get("X-Shelf") == "1");
  CHECK_FALSE(x.response_headers().contains("grpc-encoding"));
  x.finish();
  auto& refused = gateway.request("HEAD", "/v1/read/a").send();
  refused.reply(200, {{"Content-Type", "application/grpc"}, {"grpc-status", "7"}});
  CHECK(refused.status() == 403);
  refused.finish();
}

TEST_CASE("what follows the error of a stream is not told, and cuts it off only when the error had its time") {
  const std::string bad = "\1\0\0\0\0"s;
  const std::string error =
      "{\"error\":{\"code\":13,\"message\":\"the server compressed a message although nobody asked for "
      "it\",\"details\":[]}}\n";
  Gateway gateway;
  auto& ends = gateway.request("GET", "/v1/read/a").trailers({}, {{"grpc-status", "0"}}).send();
  ends.reply(200, grpc(), {kPage + bad, kPage, kPage});
  CHECK(ends.response_body() == "{\"result\":{\"text\":\"x\"}}\n" + error);
  CHECK_FALSE(ends.aborted());
  CHECK(ends.response_trailers().size() == 0);
  ends.finish();

  auto& floods = gateway.request("GET", "/v1/read/a").send();
  floods.reply(200, grpc(), {bad, std::string(100'000, 'x'), kPage, kPage});
  CHECK(floods.suspended());
  gateway.advance(999);
  CHECK(floods.suspended());
  gateway.advance(1);
  CHECK(floods.aborted());

  auto& flooded = gateway.request("GET", "/v1/read/a").trailers({}, {{"grpc-status", "0"}}).send();
  flooded.reply(200, grpc(), {bad, std::string(100'000, 'x')});
  gateway.advance(1'000);
  CHECK(flooded.response_body() == error);
  CHECK_FALSE(flooded.aborted());
  flooded.finish();
}

TEST_CASE("very many messages are told in turns") {
  constexpr int kMessages = 1'000;
  std::string all, lines;
  for (int i = 0; i < kMessages; ++i) {
    all += framed("");
    lines += "{\"result\":{}}\n";
  }
  Gateway gateway;
  auto& x = gateway.request("GET", "/v1/read/a").trailers({}, {{"grpc-status", "0"}}).send();
  x.reply(200, grpc(), {all, kPage});
  int turns = 0;
  for (; x.suspended(); ++turns) gateway.advance_to_next();
  CHECK(turns == kMessages / 256);
  CHECK(x.response_body() == lines + "{\"result\":{\"text\":\"x\"}}\n");
  x.finish();
  auto& gone = gateway.request("GET", "/v1/read/a").send();
  gone.reply(200, grpc(), {all});
  CHECK(gone.suspended());
  gone.abort();
}

TEST_CASE("requests that are no calls, and calls that are gRPC already, pass or are refused") {
  Gateway strict;
  auto& unknown = strict.request("GET", "/nothing").send();
  CHECK(unknown.status() == 404);
  unknown.finish();
  auto& call =
      strict.request("POST", "/library.v1.Library/GetBook", {{"Content-Type", "application/grpc+proto"}}, kPage);
  call.trailers({}, {{"grpc-status", "0"}}).send().reply(200, grpc(), {kPage});
  CHECK(call.response_body() == kPage);
  CHECK(call.response_trailers().get("grpc-status") == "0");
  call.finish();
}

TEST_CASE("others pass where the configuration says so") {
  Gateway gateway(",\"unmatched\":\"pass\"");
  auto& x = gateway.request("POST", "/nothing", {{"Accept", "a/b"}}, "as it is").send();
  CHECK(x.upstream_path() == "/nothing");
  CHECK(x.upstream_body() == "as it is");
  x.reply(200, {}, {"an answer"});
  CHECK(x.response_body() == "an answer");
  x.finish();
}

TEST_CASE("the gateway's own errors stay as they are") {
  Gateway gateway;
  auto& x = gateway.request("GET", kBook).send();
  x.fail_upstream(POSTERN_OUTCOME_CONNECT_FAILED);
  CHECK(x.status() == 502);
  CHECK(x.response_body().find("PROXY_ERROR") != std::string::npos);
  x.finish();
}
