// Every response the gateway makes itself: the error envelope as JSON text, or as the status of a gRPC
// call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace postern::proxy {

struct ErrorBody {
  std::string_view code;  // "RATE_LIMITED"
  std::string_view message;
  std::string_view request_id;      // empty: left out
  std::uint32_t retry_after_s = 0;  // 0: left out
};

// {"error":{"code":"...","message":"...","request_id":"...","retry_after":60}}
std::string_view error_envelope(const ErrorBody& error, Arena& arena);

// What the client of a gRPC call gets instead of the local `response`: its fields, and a status in the head, which ends
// the call. `timed_out`: a deadline of the gateway.
http::ResponseHead* grpc_refusal(const http::ResponseHead& response, std::string_view message, bool timed_out,
                                 Arena& arena);

// The value of a Date field (RFC 9110 section 5.6.7). Made once a second and thread; valid until the next call.
std::string_view http_date(std::uint64_t unix_ms);

}  // namespace postern::proxy
