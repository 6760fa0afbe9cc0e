// What the gateway has to know of gRPC to bound its calls and to refuse them in a way that its clients understand. To all
// else a call is a request like any other. (gRPC over HTTP/2, PROTOCOL-HTTP2.md)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace postern::proxy {

// A POST with content-type application/grpc, also with a suffix (+proto) or parameters; gRPC-Web is something else.
bool is_grpc(const http::RequestHead& request) noexcept;

// Of a grpc-timeout, "250m": at most 8 digits and one of the units H M S m u n, rounded up to milliseconds. Nothing when
// malformed.
std::optional<std::uint64_t> parse_grpc_timeout(std::string_view value) noexcept;

// The code for an HTTP status, by the standard table (http-grpc-status-mapping.md); a timeout of the gateway is
// DEADLINE_EXCEEDED.
std::uint32_t grpc_status_of(std::uint16_t http_status, bool timed_out) noexcept;

// `message` as a grpc-message: what is not printable ASCII, and '%', as %XX.
std::string_view grpc_message(std::string_view message, Arena& arena);

}  // namespace postern::proxy
