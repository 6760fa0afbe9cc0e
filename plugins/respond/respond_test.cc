#include <doctest/doctest.h>
#include <postern/testing.h>

using postern::testing::FakeGateway;

TEST_CASE("it answers with what was configured") {
  FakeGateway gateway;
  gateway.configure({{"status", 503}, {"body", "closed for ${request.path}"}});
  auto& x = gateway.request("GET", "/shop");
  x.send();
  CHECK(x.status() == 503);
  CHECK(x.response_body() == "closed for /shop");
  x.finish();
}
