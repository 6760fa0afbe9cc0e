// What becomes of connections before their first request: counters, and a line for each that failed.
#pragma once

#include <string_view>

namespace postern::proxy {

// postern_tls_handshakes_total{resumed} and postern_tls_handshake_failures_total{reason}. A failure is logged, too: once, with
// the listener, the peer and the reason.
void count_handshake(bool resumed);
void log_failed_handshake(std::string_view listener, std::string_view peer, std::string_view reason,
                          std::string_view why);

}  // namespace postern::proxy
