// Do the instances of a chain stand where they want to, beside their neighbours? The written list is law; what instances declared
// (before, after) only tells whether it makes sense, and what to move where when it does not. The flow of variables is data_flow.h's.
#pragma once

#include <postern/abi.h>

#include <string>
#include <vector>

#include "config/node.h"

namespace postern::plugin {

// `where`: "routes/orders", "plugins".
void check_order(const std::vector<postern_instance>& chain, const std::string& where, config::Problems& problems);

}  // namespace postern::plugin
