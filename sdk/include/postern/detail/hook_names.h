// The hooks that POSTERN_PLUGIN names, and whether a class has them as they must be. What would never be called is an error here and
// not a surprise in production.
#pragma once

#include <type_traits>
#include <utility>

#include "postern/detail/basics.h"
#include "postern/text/ascii.h"

namespace postern::detail {

// Those of the ABI have its bits; the others are the SDK's own.
inline constexpr std::uint64_t kWorkerStart = 1ull << 56;
inline constexpr std::uint64_t kWorkerStop = 1ull << 57;
inline constexpr std::uint64_t kLoad = 1ull << 58;
inline constexpr std::uint64_t kUnload = 1ull << 59;
inline constexpr std::uint64_t kNoHooks = 1ull << 60;
inline constexpr std::uint64_t kUnknownHook = 1ull << 61;
inline constexpr std::uint64_t kChainHooks = (1ull << POSTERN_HOOK_COUNT) - 1;

struct HookName {
  std::string_view name;
  std::uint64_t bit;
};
inline constexpr HookName kHookNames[] = {{"on_connection", POSTERN_HOOK_CONNECTION},
                                          {"on_request_early", POSTERN_HOOK_REQUEST_EARLY},
                                          {"on_request", POSTERN_HOOK_REQUEST},
                                          {"on_request_body", POSTERN_HOOK_REQUEST_BODY},
                                          {"on_upstream_select", POSTERN_HOOK_UPSTREAM_SELECT},
                                          {"on_upstream_request", POSTERN_HOOK_UPSTREAM_REQUEST},
                                          {"on_upstream_result", POSTERN_HOOK_UPSTREAM_RESULT},
                                          {"on_response", POSTERN_HOOK_RESPONSE},
                                          {"on_response_body", POSTERN_HOOK_RESPONSE_BODY},
                                          {"on_complete", POSTERN_HOOK_COMPLETE},
                                          {"on_worker_start", kWorkerStart},
                                          {"on_worker_stop", kWorkerStop},
                                          {"on_load", kLoad},
                                          {"on_unload", kUnload},
                                          {"no_hooks", kNoHooks}};

consteval std::uint64_t bit_of(std::string_view hook) {
  for (const HookName& known : kHookNames)
    if (known.name == hook) return known.bit;
  return kUnknownHook;
}

// "on_request, on_response" as bits.
consteval std::uint64_t named_hooks(std::string_view list) {
  std::uint64_t named = 0;
  while (!list.empty()) named |= bit_of(trim(take_piece(list, ',')));
  return named;
}

template <std::uint64_t named>
consteval void check_names() {
  static_assert(
      (named & kUnknownHook) == 0,
      "POSTERN_PLUGIN names something that is no hook; the hooks are on_connection, on_request_early, on_request, "
      "on_request_body, on_upstream_select, on_upstream_request, on_upstream_result, on_response, "
      "on_response_body, on_complete, on_worker_start, on_worker_stop, on_load, on_unload");
  static_assert(
      named != 0,
      "POSTERN_PLUGIN names no hooks, so nothing of the class would ever be called; name them behind the version, "
      "or say no_hooks there");
  static_assert((named & kNoHooks) == 0 || named == kNoHooks, "no_hooks stands alone in POSTERN_PLUGIN");
}

// One caller for each hook's name: invocable exactly when the class has a public hook that takes these arguments.
// A class that inherits from Namesake, too, finds the name twice when the plugin has a member of that name, whoever may call it.
#define POSTERN_DETAIL_HOOK(hook)                                                                                    \
  struct call_##hook {                                                                                               \
    static constexpr std::string_view kName = #hook;                                                                 \
    static constexpr std::uint64_t kBit = bit_of(#hook);                                                             \
    template <class P, class... Args>                                                                                \
    auto operator()(P& plugin, Args&&... args) const -> decltype(plugin.hook(std::forward<Args>(args)...)) {         \
      return plugin.hook(std::forward<Args>(args)...);                                                               \
    }                                                                                                                \
    struct Namesake {                                                                                                \
      int hook;                                                                                                      \
    };                                                                                                               \
    template <class P>                                                                                               \
    struct Both : P, Namesake {};                                                                                    \
    template <class P>                                                                                               \
    static consteval bool is_single() {                                                                              \
      return requires { &P::hook; };                                                                                 \
    }                                                                                                                \
    template <class P>                                                                                               \
    static consteval bool exists() {                                                                                 \
      if constexpr (std::is_final_v<P>)                                                                              \
        return is_single<P>();                                                                                       \
      else                                                                                                           \
        return !requires { &Both<P>::hook; };                                                                        \
    }                                                                                                                \
    template <class P, bool named, bool fits, bool answers>                                                          \
    static consteval void check() {                                                                                  \
      static_assert(!named || fits || exists<P>(), "POSTERN_PLUGIN names " #hook ", which the class does not have"); \
      static_assert(named || !exists<P>(),                                                                           \
                    "the class has " #hook ", which POSTERN_PLUGIN does not name: it would never be called");        \
      static_assert(!named || fits || !exists<P>() || is_single<P>(),                                                \
                    #hook " cannot be called: it is not public, or there are several and none of them fits");        \
      static_assert(!named || fits || !is_single<P>(),                                                               \
                    #hook " has parameters that do not fit: the head of postern/plugin.h has its signature");        \
      static_assert(!named || !fits || answers,                                                                      \
                    #hook " returns the wrong type: the head of postern/plugin.h has its signature");                \
    }                                                                                                                \
  }
POSTERN_DETAIL_HOOK(on_load);
POSTERN_DETAIL_HOOK(on_unload);
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

// What a hook may return.
template <class R, class... Allowed>
inline constexpr bool is_one_of = (std::is_same_v<R, Allowed> || ...);

}  // namespace postern::detail
