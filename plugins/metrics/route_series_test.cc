#include "route_series.h"

#include <doctest/doctest.h>
#include <postern/testing.h>

using postern::testing::FakeGateway;

TEST_CASE("a value is made once for each name") {
  KeptByName<int> kept;
  int made = 0;
  auto make = [&](std::string_view) { return ++made; };
  CHECK(kept.get("a", make) == 1);
  CHECK(kept.get("b", make) == 2);
  CHECK(kept.get("a", make) == 1);
  CHECK(kept.get("a", make) == 1);
  CHECK(kept.get("", make) == 3);
  CHECK(kept.get("", make) == 3);
  CHECK(kept.size() == 3);
}

TEST_CASE("buckets must ascend") {
  FakeGateway gateway;
  CHECK_NOTHROW(gateway.configure({}));
}
