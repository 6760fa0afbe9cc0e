// HTTP/1 with a client: one exchange after another.
#pragma once

#include <memory>

#include "http/codec.h"
#include "server/client_session.h"

namespace postern::config {
struct Limits;
}

namespace postern::server {

http::HeadLimits head_limits(const config::Limits& limits);

std::unique_ptr<ClientSession> make_h1_session(ClientConnection& connection);

}  // namespace postern::server
