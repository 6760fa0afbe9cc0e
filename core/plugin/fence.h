// Calls of the plugin layer into plugins. Nothing that they throw comes further, and a crash meanwhile is put down to them.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "exchange/crash_marker.h"
#include "plugin/instance.h"

namespace postern::plugin {

// Runs `call`, which is the plugin's `code`. When it throws, the answer is how: "on_load threw: no memory".
template <class Call>
std::optional<std::string> fence(const proxy::PluginCode& code, Call&& call) noexcept {
  proxy::CodeMark mark(code);
  try {
    call();
    return std::nullopt;
  } catch (const std::exception& e) {
    return std::string(code.what) + " threw: " + e.what();
  } catch (...) {
    return std::string(code.what) + " threw";
  }
}

// The same for code of an instance; what it throws is logged. True when it returned.
template <class Call>
bool call_plugin(postern_instance instance, std::string_view what, Call&& call) noexcept {
  auto thrown = fence({instance->plugin, instance->plugin_version, instance->name, what, instance->serving}, call);
  if (thrown)
    logger(instance->log_module)
        .write(LogLevel::error, *thrown, {{"instance", instance->name}, {"scope", instance->scope}});
  return !thrown;
}

// What the hook answers; POSTERN_E_FAILED when it threw.
template <class Hook>
postern_status fenced(postern_instance instance, std::string_view name, Hook&& hook) noexcept {
  postern_status status = POSTERN_E_FAILED;
  call_plugin(instance, name, [&] { status = hook(); });
  return status;
}

}  // namespace postern::plugin
