// Is every service that an instance cannot work without offered by one that starts before it? And does every entry of `services` do
// something? Told from declarations alone: nothing has to be started.
#pragma once

#include <postern/abi.h>

#include <vector>

#include "config/node.h"
#include "plugin/registry.h"

namespace postern::plugin {

// `instances` in the order in which they start: `services`, the gateway-wide chain, the routes'. `registry` knows which plugins
// could be put there.
void check_services(const std::vector<postern_instance>& instances, const Registry& registry,
                    config::Problems& problems);

}  // namespace postern::plugin
