// The status codes of gRPC, and what they and those of HTTP say of each other, by the tables that all implementations share.
#pragma once

#include <cstdint>

namespace postern::grpc {

enum Code : std::uint32_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16
};

// What an HTTP status without a gRPC status means to a client of gRPC (http-grpc-status-mapping.md).
constexpr Code code_of_http(std::uint32_t status) noexcept {
  switch (status) {
    case 400:
      return internal;
    case 401:
      return unauthenticated;
    case 403:
      return permission_denied;
    case 404:
      return unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return unavailable;
    default:
      return unknown;
  }
}

// The HTTP status that tells a client of HTTP what a call came to (google/rpc/code.proto); 500 for numbers that are no code.
constexpr std::uint32_t http_of_code(std::uint32_t code) noexcept {
  switch (code) {
    case ok:
      return 200;
    case cancelled:
      return 499;
    case invalid_argument:
    case failed_precondition:
    case out_of_range:
      return 400;
    case deadline_exceeded:
      return 504;
    case not_found:
      return 404;
    case already_exists:
    case aborted:
      return 409;
    case permission_denied:
      return 403;
    case resource_exhausted:
      return 429;
    case unimplemented:
      return 501;
    case unavailable:
      return 503;
    case unauthenticated:
      return 401;
    default:
      return 500;
  }
}

}  // namespace postern::grpc
