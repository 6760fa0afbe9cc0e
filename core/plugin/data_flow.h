// Does every variable that a chain uses come from somewhere, in time? Where and when each instance sets, needs and reads
// variables is what it declared; its `when` is judged, and so read, at its first hook.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"

namespace postern::plugin {

// "jwt.claims.*" covers "jwt.claims.role".
bool covers(std::string_view declared, std::string_view variable) noexcept;
// The POSTERN_HOOK_* bit of the first hook of exchanges that the instance has in its place.
std::uint64_t first_hook(const postern_instance_s& instance) noexcept;

// `where`: "routes/orders", "plugins". Refused is what can never work. What is needed must be there whenever its consumer runs; what is
// only read may be unset, and is unset where a provider's `when` does not hold.
void check_data_flow(const std::vector<postern_instance>& chain, const std::string& where, config::Problems& problems);

}  // namespace postern::plugin
