// What HTTP/2 with clients tells in the metrics registry.
#pragma once

#include <array>
#include <cstddef>

#include "base/metrics.h"
#include "http/h2_flood.h"

namespace postern::proxy {

struct H2Series {
  Metrics::Series connections_total;  // that spoke HTTP/2
  Metrics::Series protocol_errors;    // connections that ended by one
  Metrics::Series broken_streams;     // by the client, or refused before there was a request
  std::array<Metrics::Series, http::kH2Limits> limits;

  Metrics::Series limit(http::H2Limit which) const noexcept { return limits[static_cast<std::size_t>(which)]; }
};
const H2Series& h2_series();

}  // namespace postern::proxy
