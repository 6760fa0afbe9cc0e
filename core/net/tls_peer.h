// A certificate as text. Internal to core/net.
#pragma once

#include "net/openssl.h"
#include "net/tls_info.h"

namespace postern::net {

// All but `verified`. Controls and separators inside names are escaped, so that a text can stand in a header or a log line.
TlsPeer describe(X509* certificate);

}  // namespace postern::net
