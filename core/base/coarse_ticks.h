// A clock that costs one load to read: the control thread turns it while the gateway serves. It finds out what stands still for long.
#pragma once

#include <atomic>
#include <cstdint>

namespace postern {

inline constexpr std::uint64_t kCoarseTickMs = 20;
inline std::atomic<std::uint32_t> coarse_ticks{0};  // stands while nobody turns it

// What lies surely between two readings that differ by `ticks`: each may have come at any moment of its tick.
constexpr std::uint64_t sure_ms(std::uint32_t ticks) noexcept { return ticks < 2 ? 0 : (ticks - 1) * kCoarseTickMs; }

}  // namespace postern
