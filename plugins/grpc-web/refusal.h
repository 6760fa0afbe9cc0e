// What a response that is not gRPC's says in terms of gRPC.
#pragma once

#include <cstdint>
#include <string_view>

struct Refusal {
  std::uint32_t code;        // of gRPC: 14 is UNAVAILABLE
  std::string_view message;  // plain ASCII without '%', as a grpc-message may stand
};

// For an HTTP status of 400 and more, by the standard table (http-grpc-status-mapping.md). `gateways`: it is the
// gateway's own, whose 504 is a deadline that has passed.
Refusal refusal_of(std::uint32_t http_status, bool gateways);
