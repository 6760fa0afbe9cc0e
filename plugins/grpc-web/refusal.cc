#include "refusal.h"

namespace {

enum Code : std::uint32_t {
  kUnknown = 2,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16
};

}  // namespace

Refusal refusal_of(std::uint32_t http_status, bool gateways) {
  switch (http_status) {
    case 400:
      return {kInternal, "Bad Request"};
    case 401:
      return {kUnauthenticated, "Unauthorized"};
    case 403:
      return {kPermissionDenied, "Forbidden"};
    case 404:
      return {kUnimplemented, "Not Found"};
    case 405:
      return {kUnknown, "Method Not Allowed"};
    case 413:
      return {kUnknown, "Content Too Large"};
    case 429:
      return {kUnavailable, "Too Many Requests"};
    case 500:
      return {kUnknown, "Internal Server Error"};
    case 502:
      return {kUnavailable, "Bad Gateway"};
    case 503:
      return {kUnavailable, "Service Unavailable"};
    case 504:
      return {gateways ? kDeadlineExceeded : kUnavailable, "Gateway Timeout"};
    default:
      return {kUnknown, "the answer was an HTTP error"};
  }
}
