// Calls of the plugin layer into plugins. Nothing that they throw comes further, and a crash meanwhile is put down to them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/plugin_frame.h"
#include "plugin/instance.h"

namespace postern::plugin {

// Runs `call`, which is the plugin's `code`. When it throws, the answer is how: "on_load threw: no memory".
template <class Call>
std::optional<std::string> fence(const proxy::PluginCode& code, Call&& call) noexcept {
  proxy::PluginFrame frame(code);
  try {
    call();
    return std::nullopt;
  } catch (...) {
    return std::string(code.what) + ' ' + proxy::text_of_thrown();
  }
}

// The exchange for which the running code was begun; what it begins in turn belongs to that, too. 0: none.
inline postern_exchange current_exchange() noexcept {
  const proxy::PluginFrame* frame = proxy::PluginFrame::top();
  return frame != nullptr ? frame->exchange() : 0;
}

inline proxy::PluginCode code_of(postern_instance instance, std::string_view what) noexcept {
  return {instance->plugin, instance->plugin_version, instance->name, what, instance->serving};
}

namespace detail {

using Code = void (*)(void* call);
// False when it threw, which is logged, or said that it failed.
bool run_code(proxy::PluginFrame& frame, postern_instance instance, Code code, void* call) noexcept;
bool run_callback(postern_instance instance, std::string_view what, postern_exchange exchange, Code code,
                  void* call) noexcept;
bool run_counted(postern_instance instance, std::string_view what, postern_exchange exchange, Code code,
                 void* call) noexcept;

template <class Call>
void invoke(void* call) {
  (*static_cast<std::remove_reference_t<Call>*>(call))();
}

}  // namespace detail

// Runs code of an instance on any thread. True when it returned and did not say that it failed.
template <class Call>
bool call_plugin(postern_instance instance, std::string_view what, Call&& call) noexcept {
  const proxy::PluginCode code = code_of(instance, what);
  proxy::PluginFrame frame(code, current_exchange());
  return detail::run_code(frame, instance, &detail::invoke<Call>, std::addressof(call));
}

// The same for a callback on a worker: it is counted and timed as the instance's hook="callback", and what it resumes goes on right
// behind it. `exchange`: for which it was begun, or 0. When the callback fails, what its instance has suspended there
// goes on with POSTERN_ERROR, and not only at its deadline.
template <class Call>
bool run_callback(postern_instance instance, std::string_view what, postern_exchange exchange, Call&& call) noexcept {
  return detail::run_callback(instance, what, exchange, &detail::invoke<Call>, std::addressof(call));
}

// The same where the gateway is in the middle of an exchange: what it resumes goes on in the next turn of the loop.
template <class Call>
bool run_counted(postern_instance instance, std::string_view what, postern_exchange exchange, Call&& call) noexcept {
  return detail::run_counted(instance, what, exchange, &detail::invoke<Call>, std::addressof(call));
}

// What the hook answers; POSTERN_E_FAILED when it failed.
template <class Hook>
postern_status fenced(postern_instance instance, std::string_view name, Hook&& hook) noexcept {
  postern_status status = POSTERN_E_FAILED;
  return call_plugin(instance, name, [&] { status = hook(); }) ? status : POSTERN_E_FAILED;
}

}  // namespace postern::plugin
