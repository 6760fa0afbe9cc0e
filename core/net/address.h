// A place to listen on or connect to: an IPv4 or IPv6 address with a port, a host name with a port, or a unix socket
// path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postern::net {

struct Address {
  enum class Kind : std::uint8_t { ip, name, unix_path };
  Kind kind = Kind::ip;
  std::string host;  // "127.0.0.1", "::1", "api.internal", "/run/x.sock"
  std::uint16_t port = 0;

  std::string text() const;  // "127.0.0.1:80", "[::1]:80", "api.internal:80", "unix:/run/x.sock"
  bool operator==(const Address&) const = default;
};

// The same forms as text(). Errors name the text and what was expected.
Result<Address> parse_address(std::string_view text);

}  // namespace postern::net
