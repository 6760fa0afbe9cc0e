#include "upstream/upstream_connection.h"

#include "config/config.h"
#include "net/stream.h"
#include "net/tls_info.h"
#include "upstream/h1_connection.h"
#include "upstream/h2_connection.h"
#include "upstream/upstream_pool.h"

namespace postern::proxy {

Error as_upstream_error(const Error& error) {
  if (error.origin == Origin::upstream && error.code != ErrorCode::internal_error) return error;
  return Error::upstream(ErrorCode::proxy_error, error.text);
}

std::unique_ptr<UpstreamConnection> make_upstream_connection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream,
                                                             std::uint64_t connect_ns) {
  const net::TlsInfo* tls = stream->tls();
  if (tls != nullptr ? tls->alpn == "h2" : pool.config().protocol == config::Protocol::h2) {
    return std::make_unique<H2UpstreamConnection>(pool, std::move(stream), connect_ns);
  }
  return std::make_unique<H1UpstreamConnection>(pool, std::move(stream), connect_ns);
}

}  // namespace postern::proxy
