#include "exchange/hook_call.h"

#include "base/log.h"

namespace postern::proxy {

void log_hook_problem(const Instance& instance, Hook hook, std::string_view problem) {
  logger("plugin." + instance.plugin_name)
      .write(LogLevel::error, problem,
             {{"instance", instance.name}, {"hook", name_of(hook)}, {"scope", instance.scope}});
}

}  // namespace postern::proxy
