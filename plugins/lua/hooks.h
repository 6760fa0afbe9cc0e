// The C functions behind every script's postern_plugin table.
#pragma once

#include <postern/abi.h>

#include "task.h"

namespace postern::lua {

class Script;

// Fills in what every script's table has: sizes, on_configure and on_destroy, worker start and stop.
void set_lifecycle(postern_plugin& table, Script* script);
void set_hook(postern_plugin& table, Phase phase);

}  // namespace postern::lua
