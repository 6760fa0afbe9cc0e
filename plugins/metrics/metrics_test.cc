#include <doctest/doctest.h>
#include <postern/testing.h>

using postern::testing::Config;
using postern::testing::FakeGateway;

TEST_CASE("buckets must ascend") {
  FakeGateway gateway;
  CHECK(gateway.configure().ok());
  const auto& refused = gateway.configure({{"buckets", Config::list({0.5, 1, 1})}});
  CHECK_FALSE(refused.ok());
  CHECK(refused.problem_text() == "buckets[2]: buckets must ascend");
}
