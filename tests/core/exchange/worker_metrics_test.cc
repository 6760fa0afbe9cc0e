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
  const std::string begun_before = sample("postern_exchanges_total");  // by other cases of this program
  one.connections.add(2);
  other.connections.add(-1);
  CHECK(sample("postern_connections") == "1");
  one.connections.add(-1);
  CHECK(sample("postern_exchanges_total") == begun_before);
  other.exchanges_total.add(1);
  CHECK(std::stoi(sample("postern_exchanges_total")) == std::stoi(begun_before) + 1);
  CHECK(sample("postern_log_lines_dropped") == "0");
}
