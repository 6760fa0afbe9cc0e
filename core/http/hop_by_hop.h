// Separates what a head says to the next hop from what it says to the far end (RFC 9110 section 7.6.1).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace postern::http {

// A field that may stand once: how often it did, and what it said first.
struct SingleField {
  std::uint32_t count = 0;
  std::string_view value;
};

// What the head's own connection has to know. Views into the head.
struct ConnectionFields {
  bool close = false;        // Connection: close
  bool keep_alive = false;   // Connection: keep-alive
  bool upgrade = false;      // Connection: upgrade
  bool te_trailers = false;  // TE: trailers
  SingleField host;
  SingleField content_length;
  SingleField transfer_encoding;
  SingleField expect;
  SingleField upgrade_protocol;
};

// Reads those fields and takes out of `headers`: Connection and all that it names (but Host, which belongs to
// everybody), Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, Content-Length and Expect. Host
// stays. Fails with the reason when Connection is malformed or names more than 32 fields.
tl::expected<ConnectionFields, std::string_view> take_connection_fields(HeaderList& headers);

// Fields between a client and the proxy that it chose (RFC 9110 section 11.7): Proxy-Authorization,
// Proxy-Authenticate, Proxy-Authentication-Info. A gateway's upstream is no such proxy, and the gateway no such client.
bool is_proxy_authentication(std::string_view name) noexcept;

}  // namespace postern::http
