// A listening socket of one worker. TCP sockets use SO_REUSEPORT so that every worker has its own; a unix socket is
// bound once and shared.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/stream.h"

namespace postern::net {

class Listener {
 public:
  using Accept = std::function<void(std::unique_ptr<Stream>)>;

  // Fails when somebody, in whatever process, listens on the address, or on all addresses of its port. The kernel lets
  // processes of one user share a TCP port unasked and divides the clients among them: whoever opens the first
  // listener of an address asks this before. Nothing is asked of port 0 and of unix paths, where open() itself tells.
  static Result<void> check_unused(const Address& address);
  // Binds and listens. With port 0 the kernel chooses; address() tells. "[::]" takes IPv6 only. A unix path that this
  // process listens on already is shared; a stale socket file is replaced. Errors name the address and the reason.
  // `accept` may pause or destroy the listener.
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address, Accept accept);
  virtual ~Listener() =
      default;  // stops listening; accepted streams live on; the last one removes the unix socket's file
  virtual const Address& address() const noexcept = 0;
  virtual void pause() = 0;  // stops accepting (connection limit); the backlog waits
  virtual void resume() = 0;
};

}  // namespace postern::net
