#include "base/log_metrics.h"

#include "base/log.h"
#include "base/metrics.h"

namespace postern {

void publish_log_metrics() {
  static const Metrics::CollectorId collector = [] {
    auto lines =
        metrics().gauge("postern_log_lines_dropped", "Log lines lost since the start, because the disk was slow.");
    return metrics().add_collector([lines] { metrics().set(lines, static_cast<double>(dropped_log_lines())); });
  }();
  static_cast<void>(collector);
}

}  // namespace postern
