// Numbers of one endpoint, from several workers.
#include "upstream/endpoint_metrics.h"

#include <doctest/doctest.h>

#include <string>

#include "core/base/metrics_sample.h"

using namespace postern;
using namespace postern::proxy;

TEST_CASE("what several workers have of one endpoint adds up, and goes with them") {
  const std::string labels = R"({upstream="users",target="127.0.0.1:9001"})";
  {
    EndpointMetrics one("users", "127.0.0.1:9001");
    one.pool(3, 1, 0);
    one.attempt();
    {
      EndpointMetrics two("users", "127.0.0.1:9001");
      two.pool(2, 2, 5);
      two.attempt();
      two.failure();
      one.weight(4, true);
      two.weight(4, true);
      CHECK(sample("postern_upstream_connections" + labels) == "5");
      CHECK(sample("postern_upstream_connections_idle" + labels) == "3");
      CHECK(sample("postern_upstream_waiting" + labels) == "5");
      CHECK(sample("postern_upstream_weight" + labels) == "4");
    }
    CHECK(sample("postern_upstream_connections" + labels) == "3");
    CHECK(sample("postern_upstream_waiting" + labels) == "0");
  }
  CHECK(sample("postern_upstream_connections" + labels) == "0");
  CHECK(sample("postern_upstream_attempts_total" + labels) == "2");
  CHECK(sample("postern_upstream_failures_total" + labels) == "1");
}
