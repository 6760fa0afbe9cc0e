// HTTP/1 with a client: one exchange after another.
#pragma once

#include <memory>

#include "client/client_session.h"
#include "http/codec.h"

namespace postern::config {
struct Limits;
}

namespace postern::proxy {

http::HeadLimits head_limits(const config::Limits& limits);

std::unique_ptr<ClientSession> make_h1_session(ClientConnection& connection);

}  // namespace postern::proxy
