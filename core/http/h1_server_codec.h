// HTTP/1 towards clients.
#pragma once

#include <memory>

#include "http/codec.h"

namespace postern::http {

// `events` outlives the codec.
std::unique_ptr<ServerCodec> make_h1_server_codec(ServerEvents& events, const HeadLimits& limits);

}  // namespace postern::http
