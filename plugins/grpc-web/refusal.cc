#include "refusal.h"

#include <postern/grpc.h>

namespace {

std::string_view message_of(std::uint32_t http_status) {
  switch (http_status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "the answer was an HTTP error";
  }
}

}  // namespace

Refusal refusal_of(std::uint32_t http_status, bool gateways) {
  bool deadline = gateways && http_status == 504;
  auto code = deadline ? postern::grpc::deadline_exceeded : postern::grpc::code_of_http(http_status);
  return {code, message_of(http_status)};
}
