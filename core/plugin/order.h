// Is a chain in an order that can work? The written list is law; what instances declared (provides, consumes, before, after)
// only tells whether it makes sense, and what to move where when it does not.
#pragma once

#include <postern/abi.h>

#include <string>
#include <vector>

#include "config/node.h"

namespace postern::plugin {

// `where`: "routes/orders", "gateway". `position`: where that chain is written. Built-in variables need no provider.
void check_order(const std::vector<postern_instance>& chain, const std::string& where, config::Problems& problems);

}  // namespace postern::plugin
