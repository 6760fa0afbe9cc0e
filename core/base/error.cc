#include "base/error.h"

namespace postern {
namespace {

struct CodeInfo {
  std::string_view name;
  std::uint16_t status;
};

// In the order of ErrorCode.
constexpr CodeInfo kCodes[] = {
    {"BAD_REQUEST", 400},
    {"UNAUTHORIZED", 401},
    {"AUTH_FAILED", 401},
    {"FORBIDDEN", 403},
    {"NOT_FOUND", 404},
    {"METHOD_NOT_ALLOWED", 405},
    {"TIMEOUT", 408},
    {"PAYLOAD_TOO_LARGE", 413},
    {"URI_TOO_LONG", 414},
    {"EXPECTATION_FAILED", 417},
    {"RATE_LIMITED", 429},
    {"HEADERS_TOO_LARGE", 431},
    {"INTERNAL_ERROR", 500},
    {"NOT_IMPLEMENTED", 501},
    {"PROXY_ERROR", 502},
    {"SERVICE_UNAVAILABLE", 503},
    {"CIRCUIT_BREAKER_OPEN", 503},
    {"TIMEOUT", 504},
    {"VERSION_NOT_SUPPORTED", 505},
};
static_assert(std::size(kCodes) == static_cast<std::size_t>(ErrorCode::version_not_supported) + 1);

}  // namespace

std::string_view name_of(ErrorCode code) noexcept { return kCodes[static_cast<std::size_t>(code)].name; }
std::uint16_t status_of(ErrorCode code) noexcept { return kCodes[static_cast<std::size_t>(code)].status; }

}  // namespace postern
