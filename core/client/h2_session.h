// HTTP/2 with a client: an exchange for each stream.
#pragma once

#include <memory>

#include "client/client_session.h"

namespace postern::proxy {

std::unique_ptr<ClientSession> make_h2_session(ClientConnection& connection);

}  // namespace postern::proxy
