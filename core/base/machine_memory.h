// How much memory this process may count on.
#pragma once

#include <cstdint>

namespace postern {

// Bytes of the machine, or of the container when that has less (cgroup v2).
std::uint64_t machine_memory();

}  // namespace postern
