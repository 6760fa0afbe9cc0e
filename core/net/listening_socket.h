// A bound, listening, non-blocking socket. Internal to core/net.
#pragma once

#include <memory>

#include "base/result.h"
#include "net/address.h"

namespace postern::net {

class ListeningSocket {
 public:
  // See Listener::check_unused.
  static Result<void> check_unused(const Address& address);
  // TCP: a socket of its own every time, with SO_REUSEPORT. Unix: one per path and process; [any thread].
  static Result<std::shared_ptr<ListeningSocket>> open(const Address& address);
  virtual ~ListeningSocket() = default;
  virtual int fd() const noexcept = 0;
  virtual const Address& address() const noexcept = 0;  // with the port that the kernel chose
};

}  // namespace postern::net
