// A non-blocking socket that the loop watches. Internal to core/net.
#pragma once

#include <uv.h>

#include "net/handle_ptr.h"

namespace postern::net {

// Owns the descriptor. The raw handle outlives it: a callback finds `data` null once the socket is closed.
class WatchedSocket {
 public:
  WatchedSocket() = default;
  WatchedSocket(WatchedSocket&& other) noexcept { *this = std::move(other); }
  WatchedSocket& operator=(WatchedSocket&& other) noexcept;
  ~WatchedSocket() { close(); }

  int open(uv_loop_t* loop, int fd) noexcept;  // libuv's status; takes the descriptor over even when it fails
  // Takes effect when the loop turns. `events`: UV_READABLE, UV_WRITABLE, UV_PRIORITIZED, several or 0. Costs nothing
  // when they are watched already, system calls otherwise. Returns libuv's status.
  int watch(int events, uv_poll_cb on_ready) noexcept;
  // For a callback with a status: libuv has stopped watching, because an error waits on the socket.
  void watch_has_ended() noexcept { watched_ = 0; }
  int watched() const noexcept { return watched_; }
  void set_owner(void* owner) noexcept { poll_->data = owner; }
  const uv_poll_t* raw() const noexcept { return poll_.get(); }
  int fd() const noexcept { return fd_; }
  void close() noexcept;

 private:
  HandlePtr<uv_poll_t> poll_;
  int fd_ = -1;
  int watched_ = 0;
};

}  // namespace postern::net
