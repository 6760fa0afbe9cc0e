// HTTP/1 towards upstreams: one request at a time.
#pragma once

#include <memory>

#include "http/codec.h"

namespace postern::http {

// `events` outlives the codec.
std::unique_ptr<ClientCodec> make_h1_client_codec(ClientEvents& events, const HeadLimits& limits);

}  // namespace postern::http
