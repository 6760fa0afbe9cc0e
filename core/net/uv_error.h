// libuv's negative status codes as Errors.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace postern::net {

std::string uv_reason(int status);  // "connection refused"
// `doing` names the thing: "listen on 127.0.0.1:80" gives "listen on 127.0.0.1:80: address already in use".
Error uv_error(int status, std::string_view doing);
Error uv_error(int status, std::string_view doing, ErrorCode code, Origin origin);

}  // namespace postern::net
