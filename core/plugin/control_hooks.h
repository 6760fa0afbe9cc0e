// What the control layer, which stands above, lets plugins ask for.
#pragma once

#include <functional>

namespace postern::plugin {

// Set once by the running gateway, cleared when it ends; called from any thread. Empty: there is nothing to reload.
void set_reload_hook(std::function<void()> reload);
bool ask_for_reload();  // false when no hook is set

}  // namespace postern::plugin
