// From the bytes of a response head to a ResponseHead: what HTTP/1 demands of a response (RFC 9112, RFC 9110).
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/h1_parser.h"
#include "http/message.h"

namespace postern::http {

// `bytes`: one whole head from HeadReader, in the arena; `parser` reads its fields and can go on behind them. Errors are proxy_error.
Result<ResponseHead*> parse_h1_response(std::string_view bytes, H1Parser& parser, Arena& arena);

}  // namespace postern::http
