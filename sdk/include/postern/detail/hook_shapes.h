// Which hooks a class has and of what shape: with or without its State, with a verdict at once or as a Task.
#pragma once

#include <type_traits>

#include "postern/detail/connection.h"
#include "postern/detail/hook_names.h"

namespace postern {

template <class T>
class Task;

namespace detail {

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
struct HookResult {
  using type = std::invoke_result_t<Hook, P&, Exchange&, Extra...>;
};
template <class Hook, class P, class... Extra>
requires takes_state<Hook, P, Extra...>
struct HookResult<Hook, P, Extra...> {
  using type = std::invoke_result_t<Hook, P&, Exchange&, State<P>&, Extra...>;
};

// What a hook may return.
template <class... Allowed>
struct Returns {
  template <class R>
  static constexpr bool allow = (std::is_same_v<R, Allowed> || ...);
};
using ReturnsVerdict = Returns<Verdict, Task<Verdict>>;

// Whether the class has this hook of an exchange. It does not compile when the name and the class contradict each other.
template <class Hook, class P, std::uint64_t named, class Allowed, class... Extra>
consteval bool has_hook() {
  constexpr bool is_named = (named & Hook::kBit) != 0;
  if constexpr (takes_state<Hook, P, Extra...> || std::is_invocable_v<Hook, P&, Exchange&, Extra...>) {
    using Result = typename HookResult<Hook, P, Extra...>::type;
    Hook::template check<P, is_named, true, Allowed::template allow<Result>>();
  } else {
    Hook::template check<P, is_named, false, false>();
  }
  return is_named;
}

// The same for a hook that takes these arguments and no others.
template <class Hook, class P, std::uint64_t named, class Allowed, class... Args>
consteval bool has_plain_hook() {
  constexpr bool is_named = (named & Hook::kBit) != 0;
  if constexpr (std::is_invocable_v<Hook, P&, Args...>) {
    Hook::template check<P, is_named, true, Allowed::template allow<std::invoke_result_t<Hook, P&, Args...>>>();
  } else {
    Hook::template check<P, is_named, false, false>();
  }
  return is_named;
}

template <class Hook, class P, class... Extra>
consteval bool waits() {
  if constexpr (takes_state<Hook, P, Extra...> || std::is_invocable_v<Hook, P&, Exchange&, Extra...>)
    return std::is_same_v<typename HookResult<Hook, P, Extra...>::type, Task<Verdict>>;
  else
    return false;
}

// Some hook of the class is a coroutine.
template <class P>
inline constexpr bool has_tasks =
    waits<call_on_request_early, P>() || waits<call_on_request, P>() || waits<call_on_request_body, P, BodyPart>() ||
    waits<call_on_upstream_select, P>() || waits<call_on_upstream_request, P>() || waits<call_on_response, P>() ||
    waits<call_on_response_body, P, BodyPart>();

// on_complete is also where the State is destroyed.
template <class P>
inline constexpr bool must_clean_up = !std::is_trivially_destructible_v<State<P>>;

}  // namespace detail
}  // namespace postern
