// What went wrong, told once, as a value. Errors are returned up to the one place that decides (a connection, the
// command line) and logged there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace postern {

// Which side is at fault: decides the class of the status and the side that has to act.
enum class Origin : std::uint8_t { client, upstream, plugin, gateway };

// The codes of the error envelope. Each has one name and one default status.
enum class ErrorCode : std::uint8_t {
  bad_request,           // 400
  unauthorized,          // 401
  auth_failed,           // 401
  forbidden,             // 403
  not_found,             // 404
  method_not_allowed,    // 405
  request_timeout,       // 408, "TIMEOUT": the client was too slow
  payload_too_large,     // 413
  uri_too_long,          // 414
  expectation_failed,    // 417
  rate_limited,          // 429
  headers_too_large,     // 431
  internal_error,        // 500
  not_implemented,       // 501
  proxy_error,           // 502
  service_unavailable,   // 503
  circuit_breaker_open,  // 503
  timeout,               // 504, "TIMEOUT": the upstream was too slow
  version_not_supported  // 505
};

std::string_view name_of(ErrorCode code) noexcept;  // "RATE_LIMITED"
std::uint16_t status_of(ErrorCode code) noexcept;   // 429

struct Error {
  ErrorCode code = ErrorCode::internal_error;
  Origin origin = Origin::gateway;
  std::string text;  // names the thing: `plugin/rate-limit: "burst" must be at least 1 (got 0)`

  static Error client(ErrorCode code, std::string text) { return {code, Origin::client, std::move(text)}; }
  static Error upstream(ErrorCode code, std::string text) { return {code, Origin::upstream, std::move(text)}; }
  Error with(ErrorCode other) && {  // the same with another code
    code = other;
    return std::move(*this);
  }
  static Error gateway(std::string text) { return {ErrorCode::internal_error, Origin::gateway, std::move(text)}; }
};

}  // namespace postern
