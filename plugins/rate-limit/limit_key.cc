#include "limit_key.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace {

// Instead of a length.
constexpr std::uint16_t kAbsent = 0xffff;
constexpr std::uint16_t kOverlong = 0xfffe;

void clear_after(in6_addr& address, unsigned prefix) noexcept {
  for (unsigned byte = 0; byte < 16; ++byte) {
    unsigned kept = prefix > byte * 8 ? std::min(prefix - byte * 8, 8u) : 0;
    address.s6_addr[byte] = static_cast<std::uint8_t>(address.s6_addr[byte] & (0xff00u >> kept));
  }
}

bool parse_ipv6(std::string_view text, in6_addr& address) noexcept {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find(':') == text.npos) return false;
  terminated[text.copy(terminated, text.size())] = '\0';
  return inet_pton(AF_INET6, terminated, &address) == 1;
}

}  // namespace

void LimitKey::start(std::string_view prefix) noexcept {
  size_ = prefix_size_ = prefix.copy(bytes_.data(), kMaxSize - sizeof(std::uint16_t));
  overlong_ = false;
}

void LimitKey::add(std::string_view value) noexcept {
  add_part(static_cast<std::uint16_t>(std::min<std::size_t>(value.size(), kOverlong)), value);
}

void LimitKey::add_absent() noexcept { add_part(kAbsent, {}); }

void LimitKey::add_address(std::string_view text, unsigned ipv6_prefix) noexcept {
  in6_addr address;
  if (!parse_ipv6(text, address)) return add(text);
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    char dotted[INET_ADDRSTRLEN];
    return add(inet_ntop(AF_INET, &address.s6_addr[12], dotted, sizeof dotted));
  }
  clear_after(address, ipv6_prefix);
  add({reinterpret_cast<const char*>(address.s6_addr), sizeof address.s6_addr});
}

void LimitKey::add_part(std::uint16_t length, std::string_view bytes) noexcept {
  if (overlong_) return;
  if (size_ + sizeof length + bytes.size() > kMaxSize) {
    overlong_ = true;
    size_ = prefix_size_;
    length = kOverlong;
    bytes = {};
  }
  std::memcpy(bytes_.data() + size_, &length, sizeof length);
  size_ += sizeof length;
  size_ += bytes.copy(bytes_.data() + size_, bytes.size());
}
