// What a client's TLS connection tells plugins in postern_connection_info.
#pragma once

#include <postern/abi.h>

#include "net/tls_info.h"

namespace postern::proxy {

void fill_tls_info(const net::TlsInfo* info, postern_connection_info& out);  // views live as long as `info`

}  // namespace postern::proxy
