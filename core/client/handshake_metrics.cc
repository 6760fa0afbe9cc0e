#include "client/handshake_metrics.h"

#include "base/log.h"
#include "base/metrics.h"

namespace postern::proxy {

void count_handshake(bool resumed) {
  static const Metrics::FamilyId family = metrics().counters(
      "postern_tls_handshakes_total", "TLS handshakes with clients that were finished.", {"resumed"});
  static const Metrics::Series no = metrics().series(family, {"no"}), yes = metrics().series(family, {"yes"});
  metrics().add(resumed ? yes : no, 1);
}

void log_failed_handshake(std::string_view listener, std::string_view peer, std::string_view reason,
                          std::string_view why) {
  static const Metrics::FamilyId family = metrics().counters(
      "postern_tls_handshake_failures_total", "Client connections that ended before the first request.", {"reason"});
  metrics().add(metrics().series(family, {reason}), 1);
  // Port scanners and health checks connect and go: no news.
  LogLevel level = reason == "closed" ? LogLevel::debug : LogLevel::info;
  logger("tls").write(level, "a client's handshake failed",
                      {{"listener", listener}, {"peer", peer}, {"kind", reason}, {"reason", why}});
}

}  // namespace postern::proxy
