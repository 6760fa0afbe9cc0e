#include "upstream/endpoint_metrics.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxEndpoints = 5'000;

Metrics::Series endpoint_series(Metrics::FamilyId family, std::string_view upstream, std::string_view target) {
  return metrics().series(family, {upstream, target});
}

Metrics::FamilyId endpoint_gauges(std::string_view name, std::string_view help) {
  return metrics().gauges(name, help, {"upstream", "target"}, kMaxEndpoints);
}

Metrics::FamilyId endpoint_counters(std::string_view name, std::string_view help) {
  return metrics().counters(name, help, {"upstream", "target"}, kMaxEndpoints);
}

struct EndpointFamilies {
  Metrics::FamilyId open =
      endpoint_gauges("postern_upstream_connections", "Connections to the target, idle ones included.");
  Metrics::FamilyId idle = endpoint_gauges("postern_upstream_connections_idle", "Connections that wait for reuse.");
  Metrics::FamilyId waiting =
      endpoint_gauges("postern_upstream_waiting", "Exchanges that wait for a connection to the target.");
  Metrics::FamilyId active = endpoint_gauges("postern_upstream_active", "Exchanges in flight to the target.");
  Metrics::FamilyId weight = endpoint_gauges("postern_upstream_weight", "Weight in balancing; 0 when taken out.");
  Metrics::FamilyId attempts =
      endpoint_counters("postern_upstream_attempts_total", "Attempts begun, retries included.");
  Metrics::FamilyId failures =
      endpoint_counters("postern_upstream_failures_total", "Attempts that ended without a response head.");
};
const EndpointFamilies& endpoint_families() {
  static const EndpointFamilies families;
  return families;
}

}  // namespace

EndpointMetrics::EndpointMetrics(std::string_view upstream, std::string_view target)
    : open_(endpoint_series(endpoint_families().open, upstream, target)),
      idle_(endpoint_series(endpoint_families().idle, upstream, target)),
      waiting_(endpoint_series(endpoint_families().waiting, upstream, target)),
      active_(endpoint_series(endpoint_families().active, upstream, target)),
      attempts_(endpoint_series(endpoint_families().attempts, upstream, target)),
      failures_(endpoint_series(endpoint_families().failures, upstream, target)),
      weight_(endpoint_series(endpoint_families().weight, upstream, target)) {}

void EndpointMetrics::pool(std::size_t open, std::size_t idle, std::size_t waiting) noexcept {
  open_.set(static_cast<double>(open));
  idle_.set(static_cast<double>(idle));
  waiting_.set(static_cast<double>(waiting));
}

// Workers agree on it, so it is set and not shared.
void EndpointMetrics::weight(std::uint32_t weight, bool available) noexcept {
  metrics().set(weight_, available ? static_cast<double>(weight) : 0);
}

}  // namespace postern::proxy
