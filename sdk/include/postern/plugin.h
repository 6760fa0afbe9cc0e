// The C++ SDK for Postern plugins: include this file, write a class with the hooks you want, end with POSTERN_PLUGIN.
//
//   class Hello {
//    public:
//     static postern::Result<std::unique_ptr<Hello>> configure(postern::Setup& setup, postern::Node config);
//     postern::Verdict on_request(postern::Exchange& x);
//   };
//   POSTERN_PLUGIN(Hello, "hello", "1.0.0", on_request);
//
// The class is the *instance*: one for each place in a chain, shared by all workers, so it must not change while
// serving without its own locks. What belongs to one exchange goes into a nested `struct State`: made on first use,
// destroyed after on_complete. Every hook of an exchange may take `State&` after the exchange. A hook that is not
// defined costs nothing. POSTERN_PLUGIN names the hooks: one that is named and missing, not public or of another
// signature does not compile, nor does one that the class has and nobody names. A class without any says `no_hooks` there.
//
//   Verdict on_connection(Connection& c)
//   Verdict on_request_early(Exchange& x [, State& s])        before routing; gateway-wide chains only
//   Verdict on_request(Exchange& x [, State& s])
//   Verdict on_request_body(Exchange& x [, State& s], BodyPart part)    needs setup.request_body(policy)
//   Verdict on_upstream_select(Exchange& x [, State& s])      before each attempt
//   Verdict on_upstream_request(Exchange& x [, State& s])     the head is final
//   void on_upstream_result(Exchange& x [, State& s], const UpstreamResult& result)
//   Verdict on_response(Exchange& x [, State& s])             in reverse order of the chain
//   Verdict on_response_body(Exchange& x [, State& s], BodyPart part)   needs setup.response_body(policy)
//     Each of these that has an exchange and a verdict may be a coroutine instead: `Task<Verdict> on_request(Exchange& x)` waits with
//     co_await sleep(50), call({...}) or work(job). It ends with its exchange, wherever it waits; what it throws is an ERROR.
//   void on_complete(Exchange& x [, State& s], const Completion& end)          exactly once
//   void / Status / Result<void> on_worker_start(std::uint32_t worker)
//   void / Status on_worker_stop(std::uint32_t worker)
//     Both may return POSTERN_PENDING and end it by Ready(instance, worker).done().
//   static void / Status on_load()                                   static void on_unload()
//
// Instead of `configure`, a constructor (Setup&, Node) or a default constructor will do. Exceptions never leave the
// plugin: a hook that throws answers ERROR and what() is logged. sdk/README.md tells the rest.
#pragma once

#include "postern/abi.h"
#include "postern/detail/async.h"
#include "postern/detail/basics.h"
#include "postern/detail/connection.h"
#include "postern/detail/control.h"
#include "postern/detail/dict.h"
#include "postern/detail/exchange.h"
#include "postern/detail/hooks.h"
#include "postern/detail/host.h"
#include "postern/detail/metrics.h"
#include "postern/detail/node.h"
#include "postern/detail/note.h"
#include "postern/detail/per_worker.h"
#include "postern/detail/setup.h"
#include "postern/detail/value.h"
#ifdef __cpp_impl_coroutine
#include "postern/detail/waiting.h"
#endif

// The JSON Schema of the configuration; postern_add_plugin(SCHEMA ...) defines it, without it there is none.
extern "C" __attribute__((weak, visibility("hidden"))) const postern_str postern_plugin_schema;

// What tells two builds of one version apart; postern_add_plugin(BUILD_ID ...) sets it.
#ifndef POSTERN_BUILD_ID
#define POSTERN_BUILD_ID ""
#endif

#if defined(__clang__)
#define POSTERN_DETAIL_PLAIN __attribute__((no_sanitize("address")))  // no red zone around the note
#else
#define POSTERN_DETAIL_PLAIN
#endif

// The library's entry and its ELF note. Once per library, at namespace scope, with literals: the plugin's class, its
// name (lower-case letters, digits, '-'; also the file's name), its version and its hooks.
#define POSTERN_PLUGIN(Class, name, version, ...)                                                                      \
  namespace {                                                                                                          \
  using PosternPluginHooks = ::postern::detail::Hooks<Class, ::postern::detail::named_hooks(#__VA_ARGS__)>;            \
  __attribute__((section(POSTERN_NOTE_SECTION), used, aligned(4)))                                                     \
  POSTERN_DETAIL_PLAIN constexpr ::postern::detail::NoteSection postern_plugin_note = ::postern::detail::make_note(    \
      name, version, ::postern::detail::kRequiredInterfaces, POSTERN_BUILD_ID, PosternPluginHooks::in_chain());        \
  }                                                                                                                    \
  extern "C" POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host);                      \
  extern "C" POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host) {                     \
    static const postern_plugin table = PosternPluginHooks::table(                                                     \
        name, version,                                                                                                 \
        &postern_plugin_schema != nullptr ? ::postern::detail::to_view(postern_plugin_schema) : ::std::string_view()); \
    return ::postern::detail::connect(host) ? &table : nullptr;                                                        \
  }                                                                                                                    \
  static_assert(true, "so that a semicolon may follow")
