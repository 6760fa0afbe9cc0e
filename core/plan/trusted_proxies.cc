#include "plan/trusted_proxies.h"

#include <arpa/inet.h>
#include <postern/text/ascii.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <string>

namespace postern::proxy {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

// IPv4 addresses take their IPv4-mapped IPv6 form, so that one comparison serves both.
std::optional<Bytes> parse_ip(std::string_view text, bool* is_v4 = nullptr) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = 0;
  Bytes bytes{};
  if (inet_pton(AF_INET, buffer, bytes.data() + 12) == 1) {
    bytes[10] = bytes[11] = 0xff;
    if (is_v4 != nullptr) *is_v4 = true;
    return bytes;
  }
  if (inet_pton(AF_INET6, buffer, bytes.data()) != 1) return std::nullopt;
  if (is_v4 != nullptr) *is_v4 = false;
  return bytes;
}

bool same_prefix(const Bytes& a, const Bytes& b, int bits) {
  auto whole = static_cast<std::size_t>(bits / 8);
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  auto mask = static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

// The address of one X-Forwarded-For element: "192.0.2.7", "192.0.2.7:80", "2001:db8::1", "[2001:db8::1]:80".
std::string_view element_address(std::string_view element) {
  element = trim(element);
  if (element.starts_with('[')) return element.substr(1, element.find(']') == element.npos ? 0 : element.find(']') - 1);
  auto colon = element.find(':');
  bool one_colon = colon != element.npos && element.find(':', colon + 1) == element.npos;
  return one_colon ? element.substr(0, colon) : element;
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& blocks) {
  TrustedProxies result;
  for (std::string_view text : blocks) {
    if (text == "unix") {
      result.unix_ = true;
      continue;
    }
    auto slash = text.find('/');
    bool is_v4 = false;
    auto ip = parse_ip(text.substr(0, slash), &is_v4);
    int bits = is_v4 ? 32 : 128;
    if (slash != text.npos) {
      auto digits = text.substr(slash + 1);
      int most = bits;
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
      if (error != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > most) ip.reset();
    }
    if (!ip) {
      return fail(Error::gateway("trusted_proxies: expected an address or a CIDR block like 10.0.0.0/8, found \"" +
                                 std::string(text) + "\""));
    }
    result.blocks_.push_back({*ip, is_v4 ? bits + 96 : bits});
  }
  return result;
}

bool TrustedProxies::trusts(std::string_view address) const noexcept {
  if (address == "unix") return unix_;
  if (blocks_.empty()) return false;
  auto ip = parse_ip(address);
  if (!ip) return false;
  for (const Block& block : blocks_)
    if (same_prefix(*ip, block.bytes, block.prefix)) return true;
  return false;
}

std::string_view TrustedProxies::client(std::string_view peer, std::string_view forwarded_for) const noexcept {
  if (!trusts(peer)) return peer;
  std::string_view best = peer;
  while (!forwarded_for.empty()) {
    auto comma = forwarded_for.rfind(',');
    auto element = comma == forwarded_for.npos ? forwarded_for : forwarded_for.substr(comma + 1);
    auto address = element_address(element);
    if (!parse_ip(address)) return best;
    best = address;
    if (!trusts(address) || comma == forwarded_for.npos) return best;
    forwarded_for = forwarded_for.substr(0, comma);
  }
  return best;
}

}  // namespace postern::proxy
