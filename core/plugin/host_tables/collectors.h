// The collectors that an instance has declared with metrics->collector.
#pragma once

#include <postern/abi.h>

namespace postern::plugin {

// From now on they run before each exposition. Once its whole generation has been built. Control thread.
void start_collectors(postern_instance instance);
// Afterwards none runs, nor ever will. Before on_destroy, on the control thread.
void stop_collectors(postern_instance instance);

}  // namespace postern::plugin
