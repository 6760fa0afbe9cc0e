#include "net/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstring>

namespace postern::net {
namespace {

Error unusable(const Address& address, std::string_view why) {
  return Error::gateway("address \"" + address.text() + "\": " + std::string(why));
}

Result<SocketAddress> ip_address(const Address& address) {
  SocketAddress to;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
  if (inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    to.size = sizeof(sockaddr_in);
    return to;
  }
  if (inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    to.size = sizeof(sockaddr_in6);
    return to;
  }
  return fail(unusable(address, "not an IP address"));
}

Result<SocketAddress> unix_address(const Address& address) {
  SocketAddress to;
  auto* path = reinterpret_cast<sockaddr_un*>(&to.storage);
  if (address.host.empty() || address.host.size() >= sizeof(path->sun_path)) {
    return fail(unusable(address, "a unix socket path has 1 to 107 bytes"));
  }
  path->sun_family = AF_UNIX;
  std::memcpy(path->sun_path, address.host.c_str(), address.host.size() + 1);
  to.size = sizeof(sockaddr_un);
  return to;
}

}  // namespace

Result<SocketAddress> socket_address(const Address& address) {
  switch (address.kind) {
    case Address::Kind::ip:
      return ip_address(address);
    case Address::Kind::unix_path:
      return unix_address(address);
    case Address::Kind::name:
      break;
  }
  return fail(unusable(address, "a host name must be resolved first"));
}

Address address_of(const SocketAddress& from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (from.family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&from.storage);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return {Address::Kind::ip, text.data(), ntohs(v4->sin_port)};
  }
  if (from.family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&from.storage);
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return {Address::Kind::ip, text.data(), ntohs(v6->sin6_port)};
  }
  return {Address::Kind::unix_path, "unix", 0};
}

}  // namespace postern::net
