// From the bytes of a request head to a RequestHead: what HTTP/1 demands of a request (RFC 9112, RFC 9110).
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/h1_parser.h"
#include "http/message.h"

namespace postern::http {

// `bytes`: one whole head from HeadReader, in the arena; `parser` reads its fields and can go on behind them. `is_head` (the method is HEAD) and `version` are set as soon
// as they are known, so that the answer to a bad request can follow them.
Result<RequestHead*> parse_h1_request(std::string_view bytes, H1Parser& parser, Arena& arena, bool& is_head,
                                      Version& version);

}  // namespace postern::http
