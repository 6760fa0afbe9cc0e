// Calls of the plugin layer into plugins. Nothing that they throw comes further.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "base/log.h"
#include "plugin/instance.h"

namespace postern::plugin {

// What `call` answers; POSTERN_E_FAILED and a log line when it threw.
template <class Call>
postern_status fenced(postern_instance instance, const char* hook, Call&& call) noexcept {
  try {
    return call();
  } catch (const std::exception& e) {
    logger(instance->log_module)
        .write(LogLevel::error, std::string(hook) + " threw: " + e.what(), {{"instance", instance->name}});
  } catch (...) {
    logger(instance->log_module).write(LogLevel::error, std::string(hook) + " threw", {{"instance", instance->name}});
  }
  return POSTERN_E_FAILED;
}

}  // namespace postern::plugin
