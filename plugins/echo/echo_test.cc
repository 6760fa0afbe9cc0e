#include "echo.h"

#include <doctest/doctest.h>
#include <postern/testing.h>

using postern::testing::FakeGateway;

TEST_CASE("numbers in a query") {
  CHECK(query_number("a=1&delay=20", "delay", 0, 100) == 20);
  CHECK(query_number("delays=20", "delay", 7, 100) == 7);
  CHECK(query_number("delay=x", "delay", 7, 100) == 7);
  CHECK(query_number("delay=101", "delay", 7, 100) == 7);
  CHECK(query_number("", "delay", 7, 100) == 7);
}

TEST_CASE("JSON stays JSON whatever arrives") {
  JsonObject json;
  json.add("a\"b", "caf\xC3\xA9\n\xff");
  CHECK(std::move(json).close() == "{\"a\\\"b\":\"caf\xC3\xA9\\n\xEF\xBF\xBD\"}\n");
}

TEST_CASE("it tells what arrived") {
  FakeGateway gateway;
  gateway.configure({{"instance", "b1"}});
  auto& x = gateway.request("GET", "/a/b?c=1", {{"x-y", "z"}});
  x.send();
  CHECK(x.status() == 200);
  CHECK(x.response_body().find("\"instance\":\"b1\",\"method\":\"GET\",\"path\":\"/a/b\",\"query\":\"c=1\"") !=
        std::string::npos);
  x.finish();
}
