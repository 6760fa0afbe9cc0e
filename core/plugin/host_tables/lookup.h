// What the tables share: finding the object behind a handle on the calling worker, and checking what plugins pass in.
#pragma once

#include <postern/abi.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/clock.h"
#include "client/client_connection.h"
#include "exchange/exchange.h"
#include "exchange/worker_context.h"
#include "plugin/fence.h"
#include "plugin/host.h"
#include "plugin/instance.h"

namespace postern::plugin {

// False for what no caller can mean: bytes at a null pointer, or more than `longest`.
inline bool usable(postern_str s, std::uint64_t longest) noexcept {
  return s.len <= longest && (s.len == 0 || s.ptr != nullptr);
}

// Why a handle is not found here: it belongs to another thread, or its object has ended.
inline postern_status why_not_found(const proxy::WorkerContext* worker, std::uint64_t handle) noexcept {
  if (worker == nullptr) return POSTERN_E_STATE;
  std::int32_t owner = proxy::worker_of_handle(handle);
  return owner < 0 || static_cast<std::uint32_t>(owner) == worker->index() ? POSTERN_E_GONE : POSTERN_E_STATE;
}

// Calls `use` with the exchange; the answer is its, or why there is none.
template <class Use>
inline postern_status with_exchange(postern_exchange handle, Use use) noexcept {
  proxy::WorkerContext* worker = proxy::WorkerContext::current();
  proxy::Exchange* x = worker == nullptr ? nullptr : worker->exchanges().find(handle);
  return x == nullptr ? why_not_found(worker, handle) : use(*x);
}

// The same for what takes something away from the exchange, which needs no memory: only for an instance whose hook runs there or is
// suspended. One in shadow mode is told that all went well, and nothing changes. `check` answers POSTERN_OK when the arguments are good and the moment is right, so that
// shadow mode shows the same errors.
template <class Check, class Change>
inline postern_status take_from_exchange(postern_exchange handle, Check check, Change change) noexcept {
  return with_exchange(handle, [&](proxy::Exchange& x) {
    const proxy::Instance* caller = x.acting();
    if (caller == nullptr) return POSTERN_E_STATE;
    postern_status status = check(x);
    return status != POSTERN_OK || caller->shadow ? status : change(x);
  });
}

// The same for all other changes. What they copy lives as long as the exchange: limits.exchange_memory bounds it.
template <class Check, class Change>
inline postern_status change_exchange(postern_exchange handle, Check check, Change change) noexcept {
  auto check_with_room = [&](proxy::Exchange& x) {
    postern_status status = check(x);
    return status == POSTERN_OK && !x.has_room(0) ? POSTERN_E_LIMIT : status;
  };
  return take_from_exchange(handle, check_with_room, change);
}

template <class Use>
inline postern_status with_connection(postern_connection handle, Use use) noexcept {
  proxy::WorkerContext* worker = proxy::WorkerContext::current();
  proxy::ClientConnection* c = worker == nullptr ? nullptr : worker->connections().find(handle);
  return c == nullptr ? why_not_found(worker, handle) : use(*c);
}

inline bool may_resume_with(postern_verdict verdict) noexcept {
  return verdict == POSTERN_CONTINUE || verdict == POSTERN_RESPOND || verdict == POSTERN_ABORT ||
         verdict == POSTERN_ERROR;
}

// Copies as much of `full` as the caller's struct has room for, and leaves its struct_size.
template <class T>
inline void fill_sized(T& to, T full) noexcept {
  full.struct_size = to.struct_size;
  std::memcpy(&to, &full, std::min<std::size_t>(to.struct_size, sizeof(T)));
}

// Monotonic. On a worker the time of this turn of its loop, which costs no clock call.
inline std::uint64_t cached_now_ms() noexcept {
  proxy::WorkerContext* worker = proxy::WorkerContext::current();
  return worker != nullptr ? worker->loop().now_ms() : system_clock().now_ms();
}

// The calling worker, when `instance` may begin something on it; else null.
inline proxy::WorkerContext* worker_for(postern_instance instance) noexcept {
  proxy::WorkerContext* worker = proxy::WorkerContext::current();
  return worker != nullptr && instance != nullptr && instance->presence.on(worker->index()) ? worker : nullptr;
}

// Keeps an instance, and with it the plugin's code, while it lives.
class Pin {
 public:
  Pin(postern_instance instance, HandleKind kind) noexcept : instance_(instance), kind_(kind) {
    instance_->pins.add(kind_);
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() { instance_->pins.remove(kind_); }
  postern_instance instance() const noexcept { return instance_; }

 private:
  postern_instance instance_;
  HandleKind kind_;
};

}  // namespace postern::plugin
