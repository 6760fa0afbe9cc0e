// From the gateway's hook to the author's: what `data` and the slot are, and what an exception comes to.
#pragma once

#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "postern/detail/fence.h"
#include "postern/detail/hook_shapes.h"
#ifdef __cpp_impl_coroutine
#include "postern/detail/course.h"
#endif

namespace postern::detail {

// What the gateway's `data` points to.
template <class P>
struct Bound {
  postern_instance handle;
  std::unique_ptr<P> plugin;
  std::vector<std::shared_ptr<void>> kept;  // Setup's
};

struct NoCourses {};
#ifdef __cpp_impl_coroutine
template <class P>
using Courses = std::conditional_t<has_tasks<P>, WaitingCourses, NoCourses>;
#else
template <class P>
using Courses = NoCourses;
#endif

// What lies in the exchange's slot. The gateway gives zeroed bytes, so `constructed` starts false and no course waits.
template <class P>
struct Slot : Courses<P> {
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

template <class Hook, class P, class... Extra>
decltype(auto) invoke(Bound<P>& bound, [[maybe_unused]] void* slot, Exchange& x, Extra... extra) {
  if constexpr (takes_state<Hook, P, Extra...>) {
    return Hook{}(*bound.plugin, x, static_cast<Slot<P>*>(slot)->get(), extra...);
  } else {
    return Hook{}(*bound.plugin, x, extra...);
  }
}

#ifdef __cpp_impl_coroutine
// The bytes of a body are copied: the coroutine may outlive the hook.
inline BodyPart kept_by(Course& course, const BodyPart& part) { return {course.keep(part.bytes), part.flags}; }

template <class Hook, class P, class... Extra>
postern_verdict begin_course(Bound<P>& bound, void* slot, postern_exchange x, Extra... extra) {
  auto course = std::make_unique<Course>(*static_cast<Slot<P>*>(slot), x, bound.handle, Hook::kName);
  Exchange& exchange = course->exchange();
  Task<Verdict> task = invoke<Hook, P, Extra...>(bound, slot, exchange, kept_by(*course, extra)...);
  return Course::begin(std::move(course), std::move(task));
}
#endif

// A hook with a verdict.
template <class Hook, class P, class... Extra>
postern_verdict run_hook(void* data, void* slot, postern_exchange raw, Extra... extra) noexcept {
  auto& bound = *static_cast<Bound<P>*>(data);
  try {
    if constexpr (waits<Hook, P, Extra...>()) {
      return begin_course<Hook, P, Extra...>(bound, slot, raw, extra...);
    } else {
      Exchange x(raw, bound.handle);
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
    return static_cast<postern_verdict>(bound.plugin->on_connection(c));
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

template <class P, bool hears>
void run_complete(void* data, void* slot, postern_exchange raw, [[maybe_unused]] const postern_completion* end) {
  auto& bound = *static_cast<Bound<P>*>(data);
  if constexpr (hears) {
    fenced(bound.handle, "on_complete", [&] {
      Exchange x(raw, bound.handle);
      invoke<call_on_complete, P, const Completion&>(bound, slot, x, *end);
    });
  }
  if constexpr (must_clean_up<P>) {
    fenced(bound.handle, "the destructor of State", [&] { static_cast<Slot<P>*>(slot)->clean_up(); });
  }
}

}  // namespace postern::detail
