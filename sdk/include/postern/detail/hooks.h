// From an author's class to the plugin table: which hooks it has, how they are called, and what lies in the slot.
#pragma once

#include <cstring>
#include <memory>
#include <type_traits>

#include "postern/detail/async.h"
#include "postern/detail/connection.h"
#include "postern/detail/fence.h"
#include "postern/detail/setup.h"

namespace postern::detail {

// ---- Which hooks a class has ----------------------------------------------------------------------------------------

// One caller for each hook's name: invocable exactly when the class has a hook that takes these arguments.
#define POSTERN_DETAIL_HOOK(hook)                                                                            \
  struct call_##hook {                                                                                       \
    static constexpr std::string_view kName = #hook;                                                         \
    template <class P>                                                                                       \
    static constexpr bool named() {                                                                          \
      return requires { &P::hook; };                                                                         \
    }                                                                                                        \
    template <class P, class... Args>                                                                        \
    auto operator()(P& plugin, Args&&... args) const -> decltype(plugin.hook(std::forward<Args>(args)...)) { \
      return plugin.hook(std::forward<Args>(args)...);                                                       \
    }                                                                                                        \
  }
POSTERN_DETAIL_HOOK(on_worker_start);
POSTERN_DETAIL_HOOK(on_worker_stop);
POSTERN_DETAIL_HOOK(on_connection);
POSTERN_DETAIL_HOOK(on_request_early);
POSTERN_DETAIL_HOOK(on_request);
POSTERN_DETAIL_HOOK(on_request_body);
POSTERN_DETAIL_HOOK(on_upstream_select);
POSTERN_DETAIL_HOOK(on_upstream_request);
POSTERN_DETAIL_HOOK(on_upstream_result);
POSTERN_DETAIL_HOOK(on_response);
POSTERN_DETAIL_HOOK(on_response_body);
POSTERN_DETAIL_HOOK(on_complete);
#undef POSTERN_DETAIL_HOOK

struct NoState {};

template <class P>
struct StateOf {
  using type = NoState;
  static constexpr bool present = false;
};
template <class P>
requires requires { typename P::State; }
struct StateOf<P> {
  using type = typename P::State;
  static constexpr bool present = true;
};
template <class P>
using State = typename StateOf<P>::type;

// hook(x, extra...) or hook(x, state, extra...)
template <class Hook, class P, class... Extra>
inline constexpr bool takes_state = StateOf<P>::present&& std::is_invocable_v<Hook, P&, Exchange&, State<P>&, Extra...>;

template <class Hook, class P, class... Extra>
consteval bool has_hook() {
  constexpr bool fits = takes_state<Hook, P, Extra...> || std::is_invocable_v<Hook, P&, Exchange&, Extra...>;
  static_assert(fits || !Hook::template named<P>(),
                "a hook of this plugin has parameters that do not fit: see postern/plugin.h for the signatures");
  return fits;
}

template <class Hook, class P, class... Args>
consteval bool has_plain_hook() {
  constexpr bool fits = std::is_invocable_v<Hook, P&, Args...>;
  static_assert(fits || !Hook::template named<P>(),
                "a hook of this plugin has parameters that do not fit: see postern/plugin.h for the signatures");
  return fits;
}

template <class Hook, class P, class... Extra>
struct HookResult {
  using type = std::invoke_result_t<Hook, P&, Exchange&, Extra...>;
};
template <class Hook, class P, class... Extra>
requires takes_state<Hook, P, Extra...>
struct HookResult<Hook, P, Extra...> {
  using type = std::invoke_result_t<Hook, P&, Exchange&, State<P>&, Extra...>;
};

template <class P>
inline constexpr bool needs_slot = StateOf<P>::present;

// on_complete is also where the State is destroyed.
template <class P>
inline constexpr bool must_clean_up = !std::is_trivially_destructible_v<State<P>>;

template <class P>
consteval std::uint64_t hooks_of() {
  std::uint64_t hooks = 0;
  if (has_plain_hook<call_on_connection, P, Connection&>()) hooks |= POSTERN_HOOK_CONNECTION;
  if (has_hook<call_on_request_early, P>()) hooks |= POSTERN_HOOK_REQUEST_EARLY;
  if (has_hook<call_on_request, P>()) hooks |= POSTERN_HOOK_REQUEST;
  if (has_hook<call_on_request_body, P, BodyPart>()) hooks |= POSTERN_HOOK_REQUEST_BODY;
  if (has_hook<call_on_upstream_select, P>()) hooks |= POSTERN_HOOK_UPSTREAM_SELECT;
  if (has_hook<call_on_upstream_request, P>()) hooks |= POSTERN_HOOK_UPSTREAM_REQUEST;
  if (has_hook<call_on_upstream_result, P, const UpstreamResult&>()) hooks |= POSTERN_HOOK_UPSTREAM_RESULT;
  if (has_hook<call_on_response, P>()) hooks |= POSTERN_HOOK_RESPONSE;
  if (has_hook<call_on_response_body, P, BodyPart>()) hooks |= POSTERN_HOOK_RESPONSE_BODY;
  if (has_hook<call_on_complete, P, const Completion&>() || must_clean_up<P>) hooks |= POSTERN_HOOK_COMPLETE;
  return hooks;
}

// ---- The instance and the slot --------------------------------------------------------------------------------------

// What the gateway's `data` points to.
template <class P>
struct Bound {
  postern_instance handle;
  std::unique_ptr<P> plugin;
};

// What lies in the exchange's slot. The gateway gives zeroed bytes, so `constructed` starts false.
template <class P>
struct Slot {
  bool constructed;
  alignas(State<P>) unsigned char state[sizeof(State<P>)];

  State<P>& get() {
    if (!constructed) {
      new (state) State<P>{};
      constructed = true;
    }
    return *std::launder(reinterpret_cast<State<P>*>(state));
  }
  void clean_up() {
    if (!constructed) return;
    constructed = false;
    std::launder(reinterpret_cast<State<P>*>(state))->~State<P>();
  }
};

// ---- Calling a hook -------------------------------------------------------------------------------------------------

template <class Hook, class P, class... Extra>
decltype(auto) invoke(Bound<P>& bound, [[maybe_unused]] void* slot, Exchange& x, Extra... extra) {
  if constexpr (takes_state<Hook, P, Extra...>) {
    return Hook{}(*bound.plugin, x, static_cast<Slot<P>*>(slot)->get(), extra...);
  } else {
    return Hook{}(*bound.plugin, x, extra...);
  }
}

// A hook with a verdict; returning nothing means CONTINUE.
template <class Hook, class P, class... Extra>
postern_verdict run_hook(void* data, void* slot, postern_exchange raw, Extra... extra) noexcept {
  auto& bound = *static_cast<Bound<P>*>(data);
  using R = typename HookResult<Hook, P, Extra...>::type;
  static_assert(std::is_void_v<R> || std::is_same_v<R, Verdict>, "a hook returns postern::Verdict or void");
  try {
    Exchange x(raw, bound.handle);
    if constexpr (std::is_void_v<R>) {
      invoke<Hook, P, Extra...>(bound, slot, x, extra...);
      return POSTERN_CONTINUE;
    } else {
      return static_cast<postern_verdict>(invoke<Hook, P, Extra...>(bound, slot, x, extra...));
    }
  } catch (...) {
    report_thrown(bound.handle, Hook::kName);
    return POSTERN_ERROR;
  }
}

template <class Hook, class P>
postern_verdict run_body_hook(void* data, void* slot, postern_exchange x, postern_str bytes, std::uint32_t flags) {
  return run_hook<Hook, P, BodyPart>(data, slot, x, BodyPart{to_view(bytes), flags});
}

template <class P>
postern_verdict run_connection_hook(void* data, postern_connection raw) {
  auto& bound = *static_cast<Bound<P>*>(data);
  return fenced(bound.handle, "on_connection", postern_verdict{POSTERN_ERROR}, [&]() -> postern_verdict {
    Connection c(raw, bound.handle);
    if constexpr (std::is_void_v<decltype(bound.plugin->on_connection(c))>) {
      bound.plugin->on_connection(c);
      return POSTERN_CONTINUE;
    } else {
      return static_cast<postern_verdict>(bound.plugin->on_connection(c));
    }
  });
}

template <class P>
void run_upstream_result(void* data, void* slot, postern_exchange raw, const postern_upstream_result* result) {
  auto& bound = *static_cast<Bound<P>*>(data);
  fenced(bound.handle, "on_upstream_result", [&] {
    Exchange x(raw, bound.handle);
    invoke<call_on_upstream_result, P, const UpstreamResult&>(bound, slot, x, *result);
  });
}

template <class P>
void run_complete(void* data, void* slot, postern_exchange raw, [[maybe_unused]] const postern_completion* end) {
  auto& bound = *static_cast<Bound<P>*>(data);
  if constexpr (has_hook<call_on_complete, P, const Completion&>()) {
    fenced(bound.handle, "on_complete", [&] {
      Exchange x(raw, bound.handle);
      invoke<call_on_complete, P, const Completion&>(bound, slot, x, *end);
    });
  }
  if constexpr (must_clean_up<P>) {
    fenced(bound.handle, "the destructor of State", [&] { static_cast<Slot<P>*>(slot)->clean_up(); });
  }
}

// ---- The life of an instance ----------------------------------------------------------------------------------------

template <class P>
Result<std::unique_ptr<P>> make_instance(Setup& setup, [[maybe_unused]] Node config) {
  if constexpr (requires { P::configure(setup, config); }) {
    return P::configure(setup, config);
  } else if constexpr (std::is_constructible_v<P, Setup&, Node>) {
    return std::make_unique<P>(setup, config);
  } else {
    static_assert(
        std::is_default_constructible_v<P>,
        "a plugin needs: static Result<std::unique_ptr<P>> configure(Setup&, Node), or a constructor P(Setup&, Node), "
        "or a default constructor");
    return std::make_unique<P>();
  }
}

template <class P>
postern_status run_configure(void*, postern_instance instance, postern_node config, void** data) {
  return fenced(instance, "on_configure", postern_status{POSTERN_E_FAILED}, [&]() -> postern_status {
    Setup setup(instance, must_clean_up<P> ? POSTERN_HOOK_COMPLETE : 0);
    Result<std::unique_ptr<P>> made = make_instance<P>(setup, Node(config));
    if (!made) {
      if (!setup.failed()) setup.error(Node(), made.error().text);
      return POSTERN_E_INVALID;
    }
    if (setup.failed()) return POSTERN_E_INVALID;
    if (*made == nullptr) {
      setup.error(Node(), "configure returned nothing");
      return POSTERN_E_INVALID;
    }
    *data = new Bound<P>{instance, std::move(*made)};
    return setup.pending() ? POSTERN_PENDING : POSTERN_OK;
  });
}

template <class P>
void run_destroy(void* data) {
  const std::unique_ptr<Bound<P>> bound(static_cast<Bound<P>*>(data));
  if (bound) fenced(bound->handle, "the destructor of the instance", [&] { bound->plugin.reset(); });
}

// on_worker_start returns nothing, a Status or a Result<void>.
template <class P>
postern_status run_worker_start(void* data, std::uint32_t worker_index) {
  auto& bound = *static_cast<Bound<P>*>(data);
  return fenced(bound.handle, "on_worker_start", postern_status{POSTERN_E_FAILED}, [&]() -> postern_status {
    using R = decltype(bound.plugin->on_worker_start(worker_index));
    if constexpr (std::is_void_v<R>) {
      bound.plugin->on_worker_start(worker_index);
      return POSTERN_OK;
    } else if constexpr (std::is_same_v<R, Result<void>>) {
      const Result<void> started = bound.plugin->on_worker_start(worker_index);
      if (started) return POSTERN_OK;
      Log(bound.handle).error("the instance could not start on a worker", {{"why", started.error().text}});
      return POSTERN_E_FAILED;
    } else {
      return Status(bound.plugin->on_worker_start(worker_index)).code();
    }
  });
}

// on_worker_stop returns nothing or a Status.
template <class P>
postern_status run_worker_stop(void* data, std::uint32_t worker_index) {
  auto& bound = *static_cast<Bound<P>*>(data);
  return fenced(bound.handle, "on_worker_stop", postern_status{POSTERN_E_FAILED}, [&]() -> postern_status {
    if constexpr (std::is_void_v<decltype(bound.plugin->on_worker_stop(worker_index))>) {
      bound.plugin->on_worker_stop(worker_index);
      return POSTERN_OK;
    } else {
      return Status(bound.plugin->on_worker_stop(worker_index)).code();
    }
  });
}

template <class P>
postern_status run_load(void*) {
  return fenced(nullptr, "on_load", postern_status{POSTERN_E_FAILED}, []() -> postern_status {
    if constexpr (std::is_void_v<decltype(P::on_load())>) {
      P::on_load();
      return POSTERN_OK;
    } else {
      return Status(P::on_load()).code();
    }
  });
}

template <class P>
void run_unload(void*) {
  fenced(nullptr, "on_unload", [] { P::on_unload(); });
}

// ---- The table ------------------------------------------------------------------------------------------------------

template <class P>
consteval std::uint64_t slot_size() {
  if constexpr (needs_slot<P>) {
    static_assert(alignof(Slot<P>) <= 16, "State must not be aligned to more than 16 bytes");
    static_assert(sizeof(Slot<P>) <= 64 * 1024, "State must not be larger than 64 KiB");
    return sizeof(Slot<P>);
  } else {
    return 0;
  }
}

template <class P>
postern_plugin make_table(std::string_view name, std::string_view version, std::string_view schema) {
  postern_plugin t = {};
  t.struct_size = sizeof t;
  t.version = 1;
  t.name = to_str(name);
  t.plugin_version = to_str(version);
  t.schema = to_str(schema);
  t.slot_size = slot_size<P>();
  if constexpr (requires { P::on_load(); }) t.on_load = &run_load<P>;
  if constexpr (requires { P::on_unload(); }) t.on_unload = &run_unload<P>;
  t.on_configure = &run_configure<P>;
  t.on_destroy = &run_destroy<P>;
  if constexpr (has_plain_hook<call_on_worker_start, P, std::uint32_t>()) t.on_worker_start = &run_worker_start<P>;
  if constexpr (has_plain_hook<call_on_worker_stop, P, std::uint32_t>()) t.on_worker_stop = &run_worker_stop<P>;

  constexpr std::uint64_t hooks = hooks_of<P>();
  if constexpr ((hooks & POSTERN_HOOK_CONNECTION) != 0) t.on_connection = &run_connection_hook<P>;
  if constexpr ((hooks & POSTERN_HOOK_REQUEST_EARLY) != 0) t.on_request_early = &run_hook<call_on_request_early, P>;
  if constexpr ((hooks & POSTERN_HOOK_REQUEST) != 0) t.on_request = &run_hook<call_on_request, P>;
  if constexpr ((hooks & POSTERN_HOOK_REQUEST_BODY) != 0) t.on_request_body = &run_body_hook<call_on_request_body, P>;
  if constexpr ((hooks & POSTERN_HOOK_UPSTREAM_SELECT) != 0)
    t.on_upstream_select = &run_hook<call_on_upstream_select, P>;
  if constexpr ((hooks & POSTERN_HOOK_UPSTREAM_REQUEST) != 0)
    t.on_upstream_request = &run_hook<call_on_upstream_request, P>;
  if constexpr ((hooks & POSTERN_HOOK_UPSTREAM_RESULT) != 0) t.on_upstream_result = &run_upstream_result<P>;
  if constexpr ((hooks & POSTERN_HOOK_RESPONSE) != 0) t.on_response = &run_hook<call_on_response, P>;
  if constexpr ((hooks & POSTERN_HOOK_RESPONSE_BODY) != 0)
    t.on_response_body = &run_body_hook<call_on_response_body, P>;
  if constexpr ((hooks & POSTERN_HOOK_COMPLETE) != 0) t.on_complete = &run_complete<P>;

  // Only for plugins that host scripts: static members with the signatures of abi.h.
  if constexpr (requires { &P::script_open; }) t.script_open = &P::script_open;
  if constexpr (requires { &P::script_close; }) t.script_close = &P::script_close;
  return t;
}

}  // namespace postern::detail
