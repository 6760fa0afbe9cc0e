#include "cli/run_command.h"

#include "base/log.h"
#include "control/crash_handler.h"
#include "control/gateway.h"

namespace postern::cli {

int run_command(const RunOptions& options) {
  control::install_crash_handler();
  int code = 0;
  {
    control::Gateway gateway(options.config_file);
    code = gateway.run();
  }
  shutdown_logging();
  return code;
}

}  // namespace postern::cli
