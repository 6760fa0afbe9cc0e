// The end of an instance's part in "services".
#pragma once

#include <postern/abi.h>

namespace postern::plugin {

// Releases what it has acquired and not released, once no worker runs it any more: instances of one generation go together,
// so they must not hold each other for ever. Control thread.
void release_services(postern_instance instance);

}  // namespace postern::plugin
