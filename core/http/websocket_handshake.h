// What a WebSocket's handshake must be before it is passed on (RFC 6455 section 4.2.1).
#pragma once

#include <string_view>

#include "http/message.h"

namespace postern::http {

inline constexpr std::string_view kWebSocket = "websocket";

// The reason why an HTTP/1.1 request that asks for a WebSocket cannot get one; nothing when it can. Its version is its
// server's business, who answers 426 with those that it has.
std::string_view websocket_request_problem(const RequestHead& head) noexcept;

// The first of `asked` (a list, RFC 9110 section 7.8) that is `protocol`, as it was written; empty when none is.
std::string_view asked_protocol(std::string_view asked, std::string_view protocol) noexcept;

}  // namespace postern::http
