// The first line of a message, taken literally: single spaces, an exact version (RFC 9112 sections 3 and 4).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace postern::http {

struct RequestLine {
  std::string_view method;
  std::string_view target;  // any bytes without LF: parse_target() judges them
  Version version = Version::http11;
};

struct StatusLine {
  Version version = Version::http11;
  std::uint16_t status = 0;  // 100..999
  std::string_view reason;
};

// Takes the first line off a head from HeadReader, and gives it without its CR LF.
std::string_view take_start_line(std::string_view& head) noexcept;

// `line` without its CR LF; views into it. Errors: bad_request, version_not_supported, not_implemented (a method of
// more than 32 bytes).
Result<RequestLine> parse_request_line(std::string_view line);
// Errors: proxy_error.
Result<StatusLine> parse_status_line(std::string_view line);

}  // namespace postern::http
