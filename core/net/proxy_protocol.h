// The header that a proxy sends first, to say for whom it speaks (HAProxy's PROXY protocol, versions 1 and 2). Bytes only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace postern::net {

struct ProxyHeader {
  std::size_t size = 0;  // bytes of it; what follows belongs to the connection
  std::string host;      // "192.0.2.7"; empty: the proxy speaks for itself, or for somebody without an address
  std::uint16_t port = 0;
};

inline constexpr std::size_t kMaxProxyHeader = 8 * 1024;  // longer ones (by their TLVs) are refused

// Nothing: more bytes are needed. What cannot become a header is an error as early as it shows.
Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view bytes);

enum class ProxyVersion : std::uint8_t { v1 = 1, v2 = 2 };
// For a client at `from` that came to `to`. When one of them is no IP address the header says that the client is unknown.
std::string proxy_header(ProxyVersion version, const Address& from, const Address& to);

}  // namespace postern::net
