#include "net/watched_socket.h"

#include <unistd.h>

#include <memory>
#include <utility>

namespace postern::net {

WatchedSocket& WatchedSocket::operator=(WatchedSocket&& other) noexcept {
  if (this == &other) return *this;
  close();
  poll_ = std::move(other.poll_);
  fd_ = std::exchange(other.fd_, -1);
  watched_ = std::exchange(other.watched_, 0);
  return *this;
}

int WatchedSocket::open(uv_loop_t* loop, int fd) noexcept {
  close();
  auto raw = std::make_unique<uv_poll_t>();
  raw->data = nullptr;
  int status = uv_poll_init(loop, raw.get(), fd);
  if (status != 0) {
    ::close(fd);
    return status;
  }
  poll_.reset(raw.release());
  fd_ = fd;
  return 0;
}

int WatchedSocket::watch(int events, uv_poll_cb on_ready) noexcept {
  if (events == watched_) return 0;
  int status = events == 0 ? uv_poll_stop(poll_.get()) : uv_poll_start(poll_.get(), events, on_ready);
  if (status == 0) watched_ = events;
  return status;
}

void WatchedSocket::close() noexcept {
  poll_.reset();  // goes first: the descriptor must not be closed while it is watched
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  watched_ = 0;
}

}  // namespace postern::net
