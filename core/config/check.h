// The rules that concern several sections at once: names that must exist, names that must not occur twice.
#pragma once

#include "config/config.h"

namespace postern::config {

void check_references(const Config& config, Problems& problems);

}  // namespace postern::config
