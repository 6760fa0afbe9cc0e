// Decides how long a message's body is (RFC 9112 section 6.3) and refuses whatever two readers could understand
// differently.
#pragma once

#include <optional>

#include "base/result.h"
#include "http/hop_by_hop.h"
#include "http/message.h"

namespace postern::http {

// bad_request for anything ambiguous, not_implemented for a transfer coding other than chunked.
Result<BodyFraming> request_framing(const ConnectionFields& fields, Version version);

// `head.body` as announced: a response to HEAD and a 304 keep the length that a GET would have had.
// proxy_error for anything ambiguous.
Result<BodyFraming> response_framing(const ConnectionFields& fields, Version version);

// 1xx, 204, 304 and answers to HEAD never carry a body, whatever their fields say.
constexpr bool status_has_body(std::uint16_t status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

// Decimal digits alone, without overflow.
std::optional<std::uint64_t> parse_content_length(std::string_view value) noexcept;

}  // namespace postern::http
