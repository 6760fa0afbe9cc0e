// What the gateway offers to plugins: `postern_host` and the list of named tables behind get_interface.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace postern::plugin {

struct HostTable {
  std::string_view name;
  std::uint32_t version = 0;
  const void* table = nullptr;
};

std::span<const HostTable> host_tables();
const postern_host* host();          // lives as long as the process
std::string_view product_version();  // "0.1.0"

inline std::string_view view(postern_str s) noexcept {
  return s.len == 0 ? std::string_view{} : std::string_view(s.ptr, s.len);
}
inline postern_str str(std::string_view s) noexcept { return {s.data(), s.size()}; }

}  // namespace postern::plugin
