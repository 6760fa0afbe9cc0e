#include "request_id.h"

#include <doctest/doctest.h>
#include <postern/testing.h>

#include <set>
#include <string>

using postern::testing::FakeGateway;

TEST_CASE("only harmless ids are accepted") {
  CHECK(is_request_id("a-B_9.z"));
  CHECK(is_request_id(std::string(128, 'x')));
  for (std::string bad :
       {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\"b"), std::string("\xc3\xa9")}) {
    CHECK_FALSE(is_request_id(bad));
  }
}

TEST_CASE("new ids are version 4 UUIDs and differ") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    Uuid id;
    std::string text(id.text());
    CHECK(text.size() == 36);
    CHECK(text[14] == '4');
    CHECK(std::string("89ab").find(text[19]) != std::string::npos);
    seen.insert(text);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("a client's id goes to the upstream and comes back") {
  FakeGateway gateway;
  gateway.configure({});
  auto& x = gateway.request("GET", "/", {{"X-Request-ID", "abc"}});
  x.send();
  CHECK(x.upstream_headers().get("X-Request-ID") == "abc");
  CHECK(x.upstream_headers().get("X-Correlation-ID") == "abc");
  x.reply(200);
  CHECK(x.response_headers().get("X-Request-ID") == "abc");
  x.finish();
}

TEST_CASE("a bad one is replaced") {
  FakeGateway gateway;
  gateway.configure({});
  auto& x = gateway.request("GET", "/", {{"X-Request-ID", "a b"}});
  x.send();
  CHECK(x.upstream_headers().get("X-Request-ID").value().size() == 36);
  x.reply(200);
  x.finish();
}
