// What is left of HTTP/1 with a client once its connection has changed to another protocol: bytes pass, until one side closes. Takes
// the place of the session that read the heads, which is much larger.
#pragma once

#include <memory>

#include "exchange/client_session.h"

namespace postern::proxy {

std::unique_ptr<ClientSession> make_h1_tunnel_session(ClientConnection& connection,
                                                      std::unique_ptr<SettledTunnel> tunnel);

}  // namespace postern::proxy
