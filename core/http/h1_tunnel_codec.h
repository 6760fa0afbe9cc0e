// What is left of HTTP/1 once a connection has changed to another protocol: bytes pass, until one side closes. Takes the place of
// the codec that read the heads, whose parser an idle tunnel would hold for hours.
#pragma once

#include <memory>

#include "http/codec.h"

namespace postern::http {

// `events` outlives the codec. `stream` is the exchange that became the tunnel.
std::unique_ptr<ServerCodec> make_h1_tunnel_codec(ServerEvents& events, StreamId stream);
std::unique_ptr<ClientCodec> make_h1_tunnel_codec(ClientEvents& events, StreamId stream);

}  // namespace postern::http
