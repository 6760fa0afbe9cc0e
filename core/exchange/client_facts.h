// What an exchange may know of the client whose request it serves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/proxy_protocol.h"
#include "net/tls_info.h"

namespace postern::proxy {

class ClientFacts {
 public:
  virtual std::uint64_t handle() const noexcept = 0;                      // of its connection, for plugins
  virtual const std::string& peer_host() const noexcept = 0;              // the sender: a proxy's, where there is one
  virtual std::uint16_t peer_port() const noexcept = 0;                   // 0: it has none
  virtual std::string_view listener_name() const noexcept = 0;            // outlives the connection
  virtual const net::TlsInfo* tls() const noexcept = 0;                   // null: plaintext
  virtual std::string proxy_header(net::ProxyVersion version) const = 0;  // that introduces this client to others
  virtual bool draining() const noexcept = 0;                             // its connection takes no more requests
  virtual std::int64_t drain_ms() const noexcept = 0;                     // how long a drain waits for it

 protected:
  ~ClientFacts() = default;
};

}  // namespace postern::proxy
