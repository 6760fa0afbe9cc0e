// Makes the responses that do not come from an upstream: what plugins answer, and errors as a JSON envelope or as the status of
// a gRPC call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "exchange/local_answer.h"
#include "http/message.h"

namespace postern::proxy {

struct ErrorBody {
  std::string_view code;  // "RATE_LIMITED"
  std::string_view message;
  std::string_view request_id;      // empty: left out
  std::uint32_t retry_after_s = 0;  // 0: left out
};

// A response of `status`, 200 to 599, whose body is `body`. `content_type`: a field value, or empty for none.
LocalAnswer make_answer(std::uint16_t status, std::string_view content_type, std::string_view body, Arena& arena);

// The response that says `error`, with its envelope as body.
LocalAnswer make_error_answer(std::uint16_t status, const ErrorBody& error, Arena& arena);

// {"error":{"code":"...","message":"...","request_id":"...","retry_after":60}}
std::string_view error_envelope(const ErrorBody& error, Arena& arena);

// What the client of a gRPC call gets instead of the local `response`: its fields, and a status in the head, which ends
// the call. `timed_out`: a deadline of the gateway.
http::ResponseHead* grpc_refusal(const http::ResponseHead& response, std::string_view message, bool timed_out,
                                 Arena& arena);

// Appends the Date that a response lacks, as a recipient with a clock does (RFC 9110 section 6.6.1).
void add_date(http::ResponseHead& head, Arena& arena);

}  // namespace postern::proxy
