// What an endpoint shows in the metrics: its pool, its share of the exchanges, its weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/metrics.h"

namespace postern::proxy {

// One worker's numbers of one endpoint; a member of it. Gauges go back to what they were when it is destroyed.
class EndpointMetrics {
 public:
  EndpointMetrics(std::string_view upstream, std::string_view target);

  void pool(std::size_t open, std::size_t idle, std::size_t waiting) noexcept;  // after any change
  void idle(std::size_t connections) noexcept { idle_.set(static_cast<double>(connections)); }
  void active(std::uint64_t exchanges) noexcept { active_.set(static_cast<double>(exchanges)); }
  void weight(std::uint32_t weight, bool available) noexcept;  // what the balancer sees of it
  void attempt() noexcept { attempts_.add(1); }
  void failure() noexcept { failures_.add(1); }  // an attempt that got no response head

 private:
  GaugeShare open_, idle_, waiting_, active_;
  Tally attempts_, failures_;
  Metrics::Series weight_;
};

}  // namespace postern::proxy
