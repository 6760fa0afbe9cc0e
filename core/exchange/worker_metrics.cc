#include "exchange/worker_metrics.h"

namespace postern::proxy {

WorkerMetrics::WorkerMetrics()
    : connections(metrics().gauge("postern_connections", "Client connections that are open.")),
      connections_total(metrics().counter("postern_connections_total", "Client connections accepted.")),
      exchanges(metrics().gauge("postern_exchanges", "Exchanges in flight.")),
      exchanges_total(metrics().counter("postern_exchanges_total", "Exchanges begun.")) {}

}  // namespace postern::proxy
