// Whose word about the client is believed: addresses and CIDR blocks, IPv4 and IPv6.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::proxy {

class TrustedProxies {
 public:
  // "10.0.0.0/8", "::1", "unix" (every peer of a unix socket).
  static Result<TrustedProxies> parse(const std::vector<std::string>& blocks);

  bool empty() const noexcept { return blocks_.empty() && !unix_; }
  bool trusts(std::string_view address) const noexcept;
  // Walks X-Forwarded-For from the right: the first address that is not a trusted proxy, or the leftmost one when all are.
  // Stops at anything that is no address. `peer` when the list is empty.
  std::string_view client(std::string_view peer, std::string_view forwarded_for) const noexcept;

 private:
  struct Block {
    std::array<std::uint8_t, 16> bytes;
    int prefix;  // bits, of the IPv6 form
  };
  std::vector<Block> blocks_;
  bool unix_ = false;
};

}  // namespace postern::proxy
