#include "net/uv_error.h"

#include <uv.h>

#include <array>

namespace postern::net {

std::string uv_reason(int status) {
  std::array<char, 128> text{};
  return uv_strerror_r(status, text.data(), text.size());
}

Error uv_error(int status, std::string_view doing) {
  return uv_error(status, doing, ErrorCode::internal_error, Origin::gateway);
}

Error uv_error(int status, std::string_view doing, ErrorCode code, Origin origin) {
  return {code, origin, std::string(doing) + ": " + uv_reason(status)};
}

}  // namespace postern::net
