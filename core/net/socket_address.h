// Address to and from the kernel's sockaddr. Internal to core/net.
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/result.h"
#include "net/address.h"

namespace postern::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const noexcept { return storage.ss_family; }
};

// Addresses of kind `name`, malformed ones and unix paths that are too long are errors.
Result<SocketAddress> socket_address(const Address& address);
// Host and port of an IPv4 or IPv6 address; anything else is {unix_path, "unix"}.
Address address_of(const SocketAddress& from);

}  // namespace postern::net
