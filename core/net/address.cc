#include "net/address.h"

#include <arpa/inet.h>
#include <postern/text/ascii.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace postern::net {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kMaxName = 253;  // RFC 1035 section 2.3.4, as text

tl::unexpected<Error> malformed(std::string_view text, std::string_view expected) {
  return fail(Error::gateway("address \"" + std::string(text) + "\": expected " + std::string(expected)));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || text.size() > 5) return std::nullopt;
  return port;
}

// The canonical text of an IP address, or nothing.
std::optional<std::string> canonical_ip(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  if (inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  inet_ntop(family, bytes.data(), canonical.data(), canonical.size());
  return canonical.data();
}

bool is_name_char(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; }
bool is_name(std::string_view host) {
  bool all_numeric = std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
  return !host.empty() && host.size() <= kMaxName && host.front() != '.' && host.front() != '-' && !all_numeric &&
         std::all_of(host.begin(), host.end(), is_name_char);
}

Result<Address> parse_unix(std::string_view text) {
  auto path = text.substr(kUnix.size());
  bool usable = !path.empty() && path.size() <= kMaxUnixPath && path.find('\0') == path.npos;
  if (!usable) return malformed(text, "unix:/PATH with a path of 1 to 107 bytes");
  return Address{Address::Kind::unix_path, std::string(path), 0};
}

Result<Address> parse_v6(std::string_view text) {
  constexpr std::string_view kExpected = "[IPV6]:PORT";
  auto close = text.find("]:");
  if (close == text.npos) return malformed(text, kExpected);
  auto host = canonical_ip(AF_INET6, std::string(text.substr(1, close - 1)));
  auto port = parse_port(text.substr(close + 2));
  if (!host || !port) return malformed(text, kExpected);
  return Address{Address::Kind::ip, *host, *port};
}

}  // namespace

std::string Address::text() const {
  if (kind == Kind::unix_path) return std::string(kUnix) + host;
  bool v6 = kind == Kind::ip && host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  if (text.substr(0, kUnix.size()) == kUnix) return parse_unix(text);
  if (!text.empty() && text.front() == '[') return parse_v6(text);
  constexpr std::string_view kExpected = "HOST:PORT, [IPV6]:PORT or unix:/PATH";
  auto colon = text.rfind(':');
  if (colon == text.npos) return malformed(text, kExpected);
  std::string host(text.substr(0, colon));
  auto port = parse_port(text.substr(colon + 1));
  if (!port) return malformed(text, "a port from 0 to 65535 after the last colon");
  if (auto ip = canonical_ip(AF_INET, host)) return Address{Address::Kind::ip, *ip, *port};
  if (!is_name(host)) return malformed(text, kExpected);
  return Address{Address::Kind::name, host, *port};
}

}  // namespace postern::net
