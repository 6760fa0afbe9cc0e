#include "net/proxy_protocol.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace postern::net {
namespace {

constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::size_t kMaxV1 = 107;  // with CR LF
constexpr std::size_t kHeadV2 = 16;
constexpr unsigned char kLocal = 0x20, kProxy = 0x21, kTcp4 = 0x11, kTcp6 = 0x21, kUnspecified = 0x00;

using Parsed = Result<std::optional<ProxyHeader>>;

tl::unexpected<Error> malformed(const char* what) {
  return fail(Error::client(ErrorCode::bad_request, std::string("PROXY protocol: ") + what));
}

std::string_view take_word(std::string_view& rest) {
  std::size_t end = std::min(rest.find(' '), rest.size());
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

bool is_address(std::string_view text, int family) {
  unsigned char bytes[16];
  if (text.find('\0') != std::string_view::npos) return false;
  return text.size() < INET6_ADDRSTRLEN && inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

bool read_port(std::string_view text, std::uint16_t& port) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

// "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n"
Parsed parse_v1(std::string_view bytes) {
  std::size_t end = bytes.substr(0, kMaxV1).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= kMaxV1) return malformed("a line that does not end");
    return std::nullopt;
  }
  std::string_view rest = bytes.substr(kSignature1.size(), end - kSignature1.size());
  ProxyHeader header;
  header.size = end + 2;
  std::string_view protocol = take_word(rest);
  if (protocol == "UNKNOWN") return header;
  int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  if (family == AF_INET6 && protocol != "TCP6") return malformed("an unknown protocol");
  std::string_view from = take_word(rest), to = take_word(rest), from_port = take_word(rest);
  std::uint16_t ignored = 0;
  bool good = is_address(from, family) && is_address(to, family) && read_port(from_port, header.port) &&
              read_port(rest, ignored);
  if (!good) return malformed("an address or a port that is none");
  header.host = from;
  return header;
}

std::size_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

Parsed with_address(ProxyHeader header, std::string_view addresses, int family) {
  std::size_t size = family == AF_INET ? 4 : 16;
  if (addresses.size() < 2 * size + 4) return malformed("addresses that are cut short");
  char text[INET6_ADDRSTRLEN];
  inet_ntop(family, addresses.data(), text, sizeof text);
  header.host = text;
  header.port = static_cast<std::uint16_t>(number_at(addresses, 2 * size));
  return header;
}

Parsed parse_v2(std::string_view bytes) {
  if (bytes.size() < kHeadV2) return std::nullopt;
  auto command = static_cast<unsigned char>(bytes[12]);
  if (command != kLocal && command != kProxy) return malformed("an unknown version or command");
  ProxyHeader header;
  header.size = kHeadV2 + number_at(bytes, 14);
  if (header.size > kMaxProxyHeader) return malformed("a header that is too long");
  if (bytes.size() < header.size) return std::nullopt;
  std::string_view addresses = bytes.substr(kHeadV2, header.size - kHeadV2);
  auto family = static_cast<unsigned char>(bytes[13]);
  if ((family >> 4) > 3 || (family & 15) > 2) return malformed("an unknown address family or protocol");
  if (command == kLocal) return header;
  if (family == kTcp4) return with_address(std::move(header), addresses, AF_INET);
  if (family == kTcp6) return with_address(std::move(header), addresses, AF_INET6);
  return header;  // unspecified, unix, datagrams: nobody with an address
}

// Both as IPv6 when they differ. False: one is no address.
bool same_family(std::string& from, std::string& to, int& family) {
  bool v4[2] = {is_address(from, AF_INET), is_address(to, AF_INET)};
  if ((!v4[0] && !is_address(from, AF_INET6)) || (!v4[1] && !is_address(to, AF_INET6))) return false;
  family = v4[0] && v4[1] ? AF_INET : AF_INET6;
  if (family == AF_INET6 && v4[0]) from.insert(0, "::ffff:");
  if (family == AF_INET6 && v4[1]) to.insert(0, "::ffff:");
  return true;
}

void add_number(std::string& to, std::size_t number) {
  to += static_cast<char>(number >> 8 & 0xff);
  to += static_cast<char>(number & 0xff);
}

void add_address(std::string& to, const std::string& host, int family) {
  std::array<char, 16> bytes{};
  inet_pton(family, host.c_str(), bytes.data());
  to.append(bytes.data(), family == AF_INET ? 4 : 16);
}

std::string header_v2(const std::string& from, std::uint16_t from_port, const std::string& to, std::uint16_t to_port,
                      int family) {
  std::string addresses;
  if (family != AF_UNSPEC) {
    add_address(addresses, from, family);
    add_address(addresses, to, family);
    add_number(addresses, from_port);
    add_number(addresses, to_port);
  }
  std::string header(kSignature2);
  header += static_cast<char>(kProxy);
  header += static_cast<char>(family == AF_INET ? kTcp4 : family == AF_INET6 ? kTcp6 : kUnspecified);
  add_number(header, addresses.size());
  return header + addresses;
}

}  // namespace

Parsed parse_proxy_header(std::string_view bytes) {
  auto begins = [&](std::string_view signature) {
    std::size_t size = std::min(bytes.size(), signature.size());
    return bytes.substr(0, size) == signature.substr(0, size);
  };
  bool v1 = begins(kSignature1), v2 = begins(kSignature2);
  if (!v1 && !v2) return malformed("the connection does not begin with a header");
  if (bytes.size() < (v1 ? kSignature1 : kSignature2).size()) return std::nullopt;
  return v1 ? parse_v1(bytes) : parse_v2(bytes);
}

std::string proxy_header(ProxyVersion version, const Address& from, const Address& to) {
  std::string source = from.host, target = to.host;
  int family = AF_UNSPEC;
  bool known = from.kind == Address::Kind::ip && to.kind == Address::Kind::ip && same_family(source, target, family);
  if (version == ProxyVersion::v2) return header_v2(source, from.port, target, to.port, known ? family : AF_UNSPEC);
  if (!known) return "PROXY UNKNOWN\r\n";
  return std::string("PROXY ") + (family == AF_INET ? "TCP4 " : "TCP6 ") + source + " " + target + " " +
         std::to_string(from.port) + " " + std::to_string(to.port) + "\r\n";
}

}  // namespace postern::net
