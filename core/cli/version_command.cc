#include <postern/abi.h>

#include <cstdio>

#include "cli/commands.h"
#include "plugin/host.h"

namespace postern::cli {

int version_command() {
  auto version = plugin::product_version();
  std::printf("postern %.*s (plugin ABI %u.%u)\n", static_cast<int>(version.size()), version.data(), POSTERN_ABI_MAJOR,
              POSTERN_ABI_MINOR);
  return 0;
}

}  // namespace postern::cli
