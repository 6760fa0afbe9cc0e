// What a WebSocket's handshake must be before it is passed on (RFC 6455 section 4.2.1).
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace postern::http {

inline constexpr std::string_view kWebSocket = "websocket";

// The reason why an HTTP/1.1 request that asks for a WebSocket cannot get one; nothing when it can. Its version is its
// server's business, who answers 426 with those that it has.
std::string_view websocket_request_problem(const RequestHead& head) noexcept;

// The first of `asked` (a list, RFC 9110 section 7.8) that is `protocol`, as it was written; empty when none is.
std::string_view asked_protocol(std::string_view asked, std::string_view protocol) noexcept;

// For who asks an HTTP/1.1 server on behalf of an HTTP/2 client, which knows neither (RFC 8441 section 5).
std::string websocket_key();                         // new and random; empty when there is no randomness
std::string websocket_accept(std::string_view key);  // the answer to it (RFC 6455 section 4.2.2)

}  // namespace postern::http
