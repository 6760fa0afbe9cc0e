#include <doctest/doctest.h>
#include <postern/testing.h>

using postern::testing::FakeGateway;

TEST_CASE("buckets must ascend") {
  FakeGateway gateway;
  CHECK_NOTHROW(gateway.configure({}));
}
