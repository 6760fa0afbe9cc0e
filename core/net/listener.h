// A listening socket of one worker. TCP sockets use SO_REUSEPORT so that every worker has its own; a unix socket is bound
// once and shared.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/stream.h"

namespace postern::net {

// A bound socket that listeners of several workers may share (unix sockets), or that reserves the port (TCP).
class Listener {
 public:
  using Accept = std::function<void(std::unique_ptr<Stream>)>;

  // Binds and listens. With port 0 the kernel chooses; address() tells. Errors name the address and the reason.
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address, Accept accept);
  virtual ~Listener() = default;  // stops listening; accepted streams live on
  virtual const Address& address() const noexcept = 0;
  virtual void pause() = 0;   // stops accepting (connection limit); the backlog waits
  virtual void resume() = 0;
};

}  // namespace postern::net
