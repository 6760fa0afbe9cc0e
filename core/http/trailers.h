// Which fields may come after a body (RFC 9110 section 6.5.1).
#pragma once

#include <string_view>

namespace postern::http {

// False for fields that frame, route, authenticate, control or describe a message: whoever reads them behind the body
// has already decided without them, so they are dropped, in both directions. (A trailer that frames ends the connection
// before that: H1Reader.)
bool may_be_trailer(std::string_view name) noexcept;

}  // namespace postern::http
