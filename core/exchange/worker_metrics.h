// One worker's part of the numbers of the whole gateway: connections and exchanges.
#pragma once

#include "base/metrics.h"

namespace postern::proxy {

// A member of the worker, written by it alone.
struct WorkerMetrics {
  WorkerMetrics();
  Tally connections;        // gauge: client connections that are open
  Tally connections_total;  // accepted
  Tally exchanges;          // gauge: in flight
  Tally exchanges_total;    // begun
};

}  // namespace postern::proxy
