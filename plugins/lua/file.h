// Reading script files, with a bound on their size.
#pragma once

#include <string>
#include <string_view>

#include "state.h"

namespace postern::lua {

inline constexpr std::size_t kMaxScriptSize = 1u << 20;

Result<std::string> read_file(const std::string& path);

// A file below `folder`. Refused when the path leads out of it through a symbolic link.
Result<std::string> read_inside(const std::string& folder, const std::string& relative);

}  // namespace postern::lua
