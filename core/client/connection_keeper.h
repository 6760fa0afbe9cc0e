// Who keeps the connections of one worker: what changes or ends is told here, by the connection or arrival itself.
#pragma once

#include <memory>

#include "net/stream.h"

namespace postern::proxy {

class Arrival;
class ClientConnection;

class ConnectionKeeper {
 public:
  virtual void admit(Arrival& arrival, std::unique_ptr<net::Stream> stream) = 0;  // it is a connection by now
  virtual void remove(Arrival& arrival) = 0;                                      // it has come to nothing
  virtual void remove(ClientConnection& connection) = 0;         // it has closed: to the deferred deletes
  virtual void linger(std::unique_ptr<net::Stream> stream) = 0;  // of a connection whose last answer is on its way

 protected:
  ~ConnectionKeeper() = default;
};

}  // namespace postern::proxy
