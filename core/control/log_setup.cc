#include "base/log.h"
#include "control/gateway.h"

namespace postern::control {

Result<void> configure_log(const config::Log& log) {
  LogConfig result;
  if (auto level = parse_log_level(log.level)) result.level = *level;
  for (const auto& [module, name] : log.modules)
    if (auto level = parse_log_level(name)) result.modules[module] = *level;
  result.file = log.file;
  result.json = log.json;
  return configure_logging(result);
}

}  // namespace postern::control
