#include "client/client_session.h"

#include "client/client_connection.h"

namespace postern::proxy {

const ClientFacts& ClientSession::client() const noexcept { return connection_; }

}  // namespace postern::proxy
