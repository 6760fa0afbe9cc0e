#include <doctest/doctest.h>
#include <postern/testing.h>

#include <string>

#include "support/long_run.h"

using postern::testing::FakeExchange;
using postern::testing::FakeGateway;
using postern::testing::FakeHeaders;

namespace {

struct Limited {
  FakeGateway gateway;
  explicit Limited(std::string_view config) { gateway.configure_json(config); }

  FakeExchange& get(FakeHeaders headers = {}) { return gateway.get("/", std::move(headers)); }
  FakeExchange& get_as(std::string_view variable, std::string_view value) {
    return gateway.request("GET", "/").set_variable(variable, value).run();
  }
  // How many of `count` requests pass.
  int passes(int count, const FakeHeaders& headers = {}) {
    int passed = 0;
    for (int i = 0; i < count; ++i) passed += get(headers).status() == 200 ? 1 : 0;
    return passed;
  }
};

std::string header(const FakeExchange& x, std::string_view name) { return x.response_headers().get(name).value_or(""); }

}  // namespace

TEST_CASE("a token bucket gives its burst at once, then its rate") {
  Limited limited(R"({"requests_per_minute": 600, "burst_size": 10, "by": "global"})");
  CHECK(limited.passes(15) == 10);
  limited.gateway.advance(10'000);
  CHECK(limited.passes(150) == 10);
  int passed = 0, steps = long_run(3000);
  for (int i = 0; i < steps; ++i) {
    limited.gateway.advance(10);
    passed += limited.passes(1);
  }
  CHECK(passed == steps / 10);
}

TEST_CASE("a sliding window refuses the 101st in any span of a minute") {
  Limited limited(R"({"limit": 100, "window": "60s", "algorithm": "sliding_window"})");
  limited.gateway.advance(60'000 - limited.gateway.now_ms() % 60'000 + 59'000);  // a second before a full minute
  CHECK(limited.passes(60) == 60);
  limited.gateway.advance(2'000);  // beyond it
  CHECK(limited.passes(60) == 40);
  limited.gateway.advance(57'999);
  CHECK(limited.passes(1) == 0);
  limited.gateway.advance(1);
  CHECK(limited.passes(100) == 60);
}

TEST_CASE("a sliding counter knows the window before") {
  Limited limited(R"({"limit": 100, "window": "60s", "algorithm": "sliding_counter"})");
  limited.gateway.advance(60'000 - limited.gateway.now_ms() % 60'000);
  CHECK(limited.passes(150) == 100);
  limited.gateway.advance(90'000);
  CHECK(limited.passes(150) == 50);
}

TEST_CASE("headers tell limit, remaining and reset; the refusal when to come back") {
  Limited limited(R"({"limit": 2, "window": "60s", "algorithm": "sliding_window"})");
  auto now_s = (limited.gateway.unix_ms() + 999) / 1000;
  auto& first = limited.get();
  CHECK(header(first, "X-RateLimit-Limit") == "2");
  CHECK(header(first, "X-RateLimit-Remaining") == "1");
  CHECK(header(first, "X-RateLimit-Reset") == std::to_string(now_s + 60));
  limited.get();
  limited.gateway.advance(10'500);
  auto& refused = limited.get();
  CHECK(refused.status() == 429);
  CHECK(refused.error_code() == "RATE_LIMITED");
  CHECK(header(refused, "Retry-After") == "50");
  CHECK(header(refused, "X-RateLimit-Limit") == "2");
  CHECK(header(refused, "X-RateLimit-Remaining") == "0");
  CHECK(header(refused, "X-RateLimit-Reset") == std::to_string(now_s + 60));
}

TEST_CASE("headers: false is silent") {
  Limited limited(R"({"requests_per_second": 1, "headers": false})");
  CHECK(header(limited.get(), "X-RateLimit-Limit").empty());
  CHECK(header(limited.get(), "Retry-After") == "1");
}

TEST_CASE("two consumers have two counts, the anonymous share one") {
  Limited limited(R"({"requests_per_minute": 1, "by": "consumer"})");
  CHECK(limited.get_as("consumer.id", "alice").status() == 200);
  CHECK(limited.get_as("consumer.id", "bob").status() == 200);
  CHECK(limited.get_as("consumer.id", "alice").status() == 429);
  CHECK(limited.get_as("client.ip", "192.0.2.1").status() == 200);
  CHECK(limited.get_as("client.ip", "192.0.2.2").status() == 429);
  CHECK(limited.get_as("consumer.id", "anonymous").status() == 200);
}

TEST_CASE("anonymous_key: ip tells the anonymous apart") {
  Limited limited(R"({"requests_per_minute": 1, "by": "consumer", "anonymous_key": "ip"})");
  CHECK(limited.get_as("client.ip", "192.0.2.1").status() == 200);
  CHECK(limited.get_as("client.ip", "192.0.2.2").status() == 200);
  CHECK(limited.get_as("client.ip", "192.0.2.2").status() == 429);
}

TEST_CASE("a header, and a combination") {
  Limited limited(R"({"requests_per_minute": 1, "by": ["ip", {"header": "X-Tenant"}]})");
  CHECK(limited.passes(2, {{"X-Tenant", "a"}}) == 1);
  CHECK(limited.passes(2, {{"x-tenant", "b"}}) == 1);
  CHECK(limited.passes(2) == 1);
  CHECK(limited.passes(2, {{"X-Tenant", ""}}) == 0);
}

TEST_CASE("numbers count too") {
  Limited limited(R"({"requests_per_minute": 1, "by": {"variable": "plan.level"}})");
  CHECK(limited.gateway.request("GET", "/").set_variable("plan.level", 1).run().status() == 200);
  CHECK(limited.gateway.request("GET", "/").set_variable("plan.level", 2).run().status() == 200);
  CHECK(limited.gateway.request("GET", "/").set_variable("plan.level", 1).run().status() == 429);
}

TEST_CASE("of stacked limits all are charged or none") {
  for (std::string algorithm : {"token_bucket", "sliding_window", "sliding_counter"}) {
    CAPTURE(algorithm);
    auto rule = [&](const std::string& rest) { return R"({"algorithm": ")" + algorithm + "\", " + rest + "}"; };
    Limited limited("{\"limits\": [" + rule(R"("limit": 10, "window": "1h", "by": "global")") + ", " +
                    rule(R"("limit": 2, "window": "1h", "by": {"header": "X-Tenant"})") + "]}");
    CHECK(limited.passes(50, {{"X-Tenant", "a"}}) == 2);
    CHECK(limited.passes(50, {{"X-Tenant", "b"}}) == 2);
    CHECK(header(limited.get({{"X-Tenant", "c"}}), "X-RateLimit-Remaining") == "1");
    CHECK(header(limited.get({{"X-Tenant", "a"}}), "X-RateLimit-Limit") == "2");
    CHECK(limited.passes(1, {{"X-Tenant", "c"}}) + limited.passes(4, {{"X-Tenant", "d"}}) +
              limited.passes(4, {{"X-Tenant", "e"}}) + limited.passes(4, {{"X-Tenant", "f"}}) ==
          5);
    CHECK(header(limited.get({{"X-Tenant", "g"}}), "X-RateLimit-Limit") == "10");
    CHECK(limited.gateway.metric("ratelimit_rejected_total", {"test", "global"}) == 7);
    CHECK(limited.gateway.metric("ratelimit_hits_total", {"test", "global"}) == 116);
    CHECK(limited.gateway.metric("ratelimit_rejected_total", {"test", "header:x-tenant"}) > 90);
  }
}

TEST_CASE("refusals are logged once a second") {
  Limited limited(R"({"requests_per_minute": 1})");
  limited.passes(10);
  limited.gateway.advance(1000);
  limited.passes(1);
  int lines = 0;
  for (const auto& line : limited.gateway.log()) {
    if (line.field("event") != "rate_limited") continue;
    CHECK(line.field("dimension") == "ip");
    CHECK(line.field("others_since") == (lines == 0 ? "0" : "8"));
    ++lines;
  }
  CHECK(lines == 2);
}

TEST_CASE("of two instances the tightest one tells") {
  FakeGateway gateway;
  gateway.configure_json(R"({"requests_per_hour": 1000, "by": "global"})", "wide");
  gateway.configure_json(R"({"requests_per_hour": 5, "by": "global"})", "narrow");
  auto& x = gateway.get("/");
  CHECK(header(x, "X-RateLimit-Limit") == "5");
  CHECK(header(x, "X-RateLimit-Remaining") == "4");
}

TEST_CASE("counts outlive the instance and a changed limit") {
  FakeGateway gateway;
  gateway.configure_json(R"({"limit": 3, "window": "1h", "algorithm": "sliding_window", "by": "global"})", "a");
  CHECK(gateway.get("/").status() == 200);
  CHECK(gateway.get("/").status() == 200);
  gateway.configure_json(R"({"limit": 4, "window": "1h", "algorithm": "sliding_window", "by": "global"})", "a");
  CHECK(gateway.get("/").status() == 200);  // counted by both
  CHECK(gateway.get("/").status() == 429);
}

TEST_CASE("without a dict it is refused") {
  FakeGateway gateway;
  gateway.without("dict");
  CHECK_FALSE(gateway.configure_json(R"({"requests_per_second": 1})").ok());
}
