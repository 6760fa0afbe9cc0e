// What the control layer, which stands above, lets plugins ask for.
#pragma once

#include <cstdint>
#include <functional>

namespace postern::plugin {

// Set once by the running gateway, cleared when it ends; called from any thread. Empty: there is nothing to reload.
void set_reload_hook(std::function<void()> reload);
bool ask_for_reload();  // false when no hook is set

// Of the running gateway; before the first instance is configured. [any thread]
void set_worker_count(std::uint32_t count) noexcept;
std::uint32_t worker_count() noexcept;

}  // namespace postern::plugin
