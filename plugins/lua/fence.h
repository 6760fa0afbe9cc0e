// No exception may cross into the gateway: every entry of the bridge runs inside a fence.
#pragma once

#include <exception>
#include <type_traits>

#include "report.h"

namespace postern::lua {

// Runs `body`; an exception (std::bad_alloc, in practice) becomes a log line and `failure`.
template <class Body, class Value>
Value fenced(postern_instance instance, Value failure, Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    report(instance, POSTERN_LOG_ERROR, error.what());
  } catch (...) {  // Lua throws a type of its own; none should come this far
    report(instance, POSTERN_LOG_ERROR, "a Lua error outside of a protected call");
  }
  return failure;
}

template <class Body>
void fenced(postern_instance instance, Body body) noexcept {
  fenced(instance, 0, [&] {
    body();
    return 0;
  });
}

}  // namespace postern::lua
