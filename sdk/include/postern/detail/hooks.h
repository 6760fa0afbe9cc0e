// From an author's class and the names of its hooks to the plugin's table.
#pragma once

#include "postern/detail/hook_calls.h"
#include "postern/detail/instance_life.h"

namespace postern::detail {

template <class P>
consteval std::uint64_t slot_size() {
  if constexpr (StateOf<P>::present || has_tasks<P>) {
    static_assert(alignof(Slot<P>) <= 16, "State must not be aligned to more than 16 bytes");
    static_assert(sizeof(Slot<P>) <= 64 * 1024, "State must not be larger than 64 KiB");
    return sizeof(Slot<P>);
  } else {
    return 0;
  }
}

// Clang before 17 does not find consteval members of a class template that stand behind their use.
#if defined(__clang__) && __clang_major__ < 17
#define POSTERN_DETAIL_CONSTEVAL constexpr
#else
#define POSTERN_DETAIL_CONSTEVAL consteval
#endif

// A class and the hooks that POSTERN_PLUGIN names. Does not compile when they contradict each other.
template <class P, std::uint64_t named>
class Hooks {
 public:
  // Bits of the hooks that the gateway calls in a chain, for the note.
  static POSTERN_DETAIL_CONSTEVAL std::uint64_t in_chain() {
    check();
    return (named & kChainHooks) | (must_clean_up<P> ? POSTERN_HOOK_COMPLETE : 0);
  }

  static postern_plugin table(std::string_view name, std::string_view version, std::string_view schema) {
    constexpr std::uint64_t hooks = in_chain();
    postern_plugin t = {};
    t.struct_size = sizeof t;
    t.version = 1;
    t.name = to_str(name);
    t.plugin_version = to_str(version);
    t.schema = to_str(schema);
    t.slot_size = slot_size<P>();
    t.on_configure = &run_configure<P>;
    t.on_destroy = &run_destroy<P>;
    if constexpr (has(kLoad)) t.on_load = &run_load<P>;
    if constexpr (has(kUnload)) t.on_unload = &run_unload<P>;
    if constexpr (has(kWorkerStart)) t.on_worker_start = &run_worker_start<P>;
    if constexpr (has(kWorkerStop)) t.on_worker_stop = &run_worker_stop<P>;
    if constexpr (has(POSTERN_HOOK_CONNECTION)) t.on_connection = &run_connection_hook<P>;
    if constexpr (has(POSTERN_HOOK_REQUEST_EARLY)) t.on_request_early = &run_hook<call_on_request_early, P>;
    if constexpr (has(POSTERN_HOOK_REQUEST)) t.on_request = &run_hook<call_on_request, P>;
    if constexpr (has(POSTERN_HOOK_REQUEST_BODY)) t.on_request_body = &run_body_hook<call_on_request_body, P>;
    if constexpr (has(POSTERN_HOOK_UPSTREAM_SELECT)) t.on_upstream_select = &run_hook<call_on_upstream_select, P>;
    if constexpr (has(POSTERN_HOOK_UPSTREAM_REQUEST)) t.on_upstream_request = &run_hook<call_on_upstream_request, P>;
    if constexpr (has(POSTERN_HOOK_UPSTREAM_RESULT)) t.on_upstream_result = &run_upstream_result<P>;
    if constexpr (has(POSTERN_HOOK_RESPONSE)) t.on_response = &run_hook<call_on_response, P>;
    if constexpr (has(POSTERN_HOOK_RESPONSE_BODY)) t.on_response_body = &run_body_hook<call_on_response_body, P>;
    if constexpr ((hooks & POSTERN_HOOK_COMPLETE) != 0) t.on_complete = &run_complete<P, has(POSTERN_HOOK_COMPLETE)>;
    return t;
  }

 private:
  static POSTERN_DETAIL_CONSTEVAL bool has(std::uint64_t hook) { return (named & hook) != 0; }

  static POSTERN_DETAIL_CONSTEVAL void check() {
    check_names<named>();
    static_cast<void>(has_plain_hook<call_on_load, P, named, Returns<void, Status>>());
    static_cast<void>(has_plain_hook<call_on_unload, P, named, Returns<void>>());
    static_cast<void>(
        has_plain_hook<call_on_worker_start, P, named, Returns<void, Status, Result<void>>, std::uint32_t>());
    static_cast<void>(has_plain_hook<call_on_worker_stop, P, named, Returns<void, Status>, std::uint32_t>());
    static_cast<void>(has_plain_hook<call_on_connection, P, named, Returns<Verdict>, Connection&>());
    static_cast<void>(has_hook<call_on_request_early, P, named, ReturnsVerdict>());
    static_cast<void>(has_hook<call_on_request, P, named, ReturnsVerdict>());
    static_cast<void>(has_hook<call_on_request_body, P, named, ReturnsVerdict, BodyPart>());
    static_cast<void>(has_hook<call_on_upstream_select, P, named, ReturnsVerdict>());
    static_cast<void>(has_hook<call_on_upstream_request, P, named, ReturnsVerdict>());
    static_cast<void>(has_hook<call_on_upstream_result, P, named, Returns<void>, const UpstreamResult&>());
    static_cast<void>(has_hook<call_on_response, P, named, ReturnsVerdict>());
    static_cast<void>(has_hook<call_on_response_body, P, named, ReturnsVerdict, BodyPart>());
    static_cast<void>(has_hook<call_on_complete, P, named, Returns<void>, const Completion&>());
  }
};

}  // namespace postern::detail
