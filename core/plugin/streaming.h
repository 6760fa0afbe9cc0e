// Can a chain pass bodies on piece by piece? Instances that declared BUFFER, whole or for a peek, hold them back.
#pragma once

#include <postern/abi.h>

#include <string>
#include <vector>

#include "config/config.h"

namespace postern::plugin {

// Reports every instance of `chain` that holds back what `demand` wants to stream, with the mend. What an instance declared
// for its own configuration counts; `_: {when}` and shadow mode change nothing. `where`: "plugins", "routes/events".
void check_streaming(const std::vector<postern_instance>& chain, const config::StreamingDemand& demand,
                     const std::string& where, config::Problems& problems);

}  // namespace postern::plugin
