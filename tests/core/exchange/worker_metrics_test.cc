// The numbers of the whole gateway.
#include "exchange/worker_metrics.h"

#include <doctest/doctest.h>

#include <string>

#include "base/log_metrics.h"
#include "core/base/metrics_sample.h"

using namespace postern;
using namespace postern::proxy;

TEST_CASE("the gateway's own series exist from the start") {
  publish_log_metrics();
  WorkerMetrics one, other;
  one.connections.add(2);
  other.connections.add(-1);
  CHECK(sample("postern_connections") == "1");
  one.connections.add(-1);
  CHECK(sample("postern_exchanges_total") == "0");
  CHECK(sample("postern_log_lines_dropped") == "0");
}
