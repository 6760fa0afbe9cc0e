#include "client/h2_metrics.h"

#include <string_view>

namespace postern::proxy {
namespace {

H2Series make_series() {
  H2Series series{
      metrics().counter("postern_http2_connections_total", "Client connections that spoke HTTP/2."),
      metrics().counter("postern_http2_protocol_errors_total", "HTTP/2 client connections ended by a protocol error."),
      metrics().counter("postern_http2_broken_streams_total",
                        "HTTP/2 streams that the client broke off or got refused."),
      {}};
  auto family = metrics().counters("postern_http2_limits_total",
                                   "HTTP/2 connections and streams ended because a client did too much.", {"limit"});
  for (std::size_t i = 1; i < http::kH2Limits; ++i)
    series.limits[i] = metrics().series(family, {http::name_of(static_cast<http::H2Limit>(i))});
  return series;
}

}  // namespace

const H2Series& h2_series() {
  static const H2Series series = make_series();
  return series;
}

}  // namespace postern::proxy
