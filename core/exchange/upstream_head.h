// The head of a request as its upstream gets it.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "exchange/exchange_context.h"
#include "http/message.h"
#include "plan/plan.h"

namespace postern::proxy {

// Made anew in `arena` for each attempt, so that a signature or a rewrite is never applied twice. The path is rewritten as the route
// says, `host` is the target as configured, `protocol` what the upstream is asked to change to (empty: nothing). Errors are the
// rewrite's.
Result<http::RequestHead*> make_upstream_head(const ExchangeContext& exchange, const UpstreamPlan& upstream,
                                              std::string_view host, std::string_view protocol, Arena& arena);

}  // namespace postern::proxy
