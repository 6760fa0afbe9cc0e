// The fence at every edge: no exception leaves the plugin. What was thrown goes to the instance's log, and the gateway hears that the
// code has failed.
#pragma once

#include <exception>

#include "postern/detail/value.h"

namespace postern::detail {

inline void report_thrown(postern_instance instance, std::string_view where) noexcept {
  if (POSTERN_OFFERS(loop, fail)) host.loop->fail({});
  if (host.log == nullptr) return;
  const Log log(instance);
  try {
    throw;
  } catch (const std::exception& e) {
    log.error("the plugin threw an exception", {{"where", where}, {"what", e.what()}});
  } catch (...) {
    log.error("the plugin threw something that is not a std::exception", {{"where", where}});
  }
}

// Runs `f`; `otherwise` when it throws.
template <class F, class R>
R fenced(postern_instance instance, std::string_view where, R otherwise, F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    report_thrown(instance, where);
    return otherwise;
  }
}

template <class F>
void fenced(postern_instance instance, std::string_view where, F&& f) noexcept {
  try {
    f();
  } catch (...) {
    report_thrown(instance, where);
  }
}

}  // namespace postern::detail
