// Makes a plugin of a class inside a test, without a library: FakeGateway::load(query<Class>). The class names its hooks in kHooks.
#pragma once

#include <postern/plugin.h>
#include <postern/testing.h>

template <class P>
const postern_plugin* query(const postern_host* host) {
  static const postern_plugin table = postern::detail::Hooks<P, P::kHooks>::table("tested", "1.0.0", {});
  return postern::detail::connect(host) ? &table : nullptr;
}
