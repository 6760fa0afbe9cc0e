// The life of an instance: how it is configured, started, stopped and destroyed.
#pragma once

#include "postern/detail/hook_calls.h"
#include "postern/detail/setup.h"

namespace postern::detail {

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
    *data = new Bound<P>{instance, std::move(*made), setup.take_kept()};
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

}  // namespace postern::detail
