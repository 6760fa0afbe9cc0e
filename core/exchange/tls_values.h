// What a client's TLS connection tells plugins: variables, and the fields of postern_connection_info.
#pragma once

#include <postern/abi.h>

#include "net/tls_info.h"
#include "plan/variables.h"

namespace postern::proxy {

// `name` is one of tls.* and client.cert.*. Unset when `info` is null, or has no certificate to speak of.
Value tls_value(Builtin name, const net::TlsInfo* info);
void fill_tls_info(const net::TlsInfo* info, postern_connection_info& out);  // views live as long as `info`

}  // namespace postern::proxy
