#include "net/proxy_protocol.h"

#include <doctest/doctest.h>

using namespace postern;
using namespace postern::net;

namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2(unsigned char command, unsigned char family, const std::string& rest) {
  std::string text = kSignature;
  text += static_cast<char>(command);
  text += static_cast<char>(family);
  text += static_cast<char>(rest.size() >> 8);
  text += static_cast<char>(rest.size() & 0xff);
  return text + rest;
}

const std::string kFour("\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb", 12);

// "host:port/size", "unknown/size", "more", or why it was refused.
std::string read(const std::string& bytes) {
  auto parsed = parse_proxy_header(bytes);
  if (!parsed) return parsed.error().text;
  if (!*parsed) return "more";
  const ProxyHeader& h = **parsed;
  return (h.host.empty() ? "unknown" : h.host + ":" + std::to_string(h.port)) + "/" + std::to_string(h.size);
}

}  // namespace

TEST_CASE("headers of both versions tell who the client is") {
  CHECK(read("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\nGET /") == "192.0.2.7:56324/42");
  CHECK(read("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n") == "2001:db8::7:1/36");
  CHECK(read("PROXY UNKNOWN\r\n") == "unknown/15");
  CHECK(read("PROXY UNKNOWN ffff:f...f:ffff anything 65535 65535\r\n") == "unknown/52");
  CHECK(read(v2(0x21, 0x11, kFour) + "GET /") == "192.0.2.7:56324/28");
  CHECK(read(v2(0x21, 0x11, kFour + std::string("\x04\x00\x02zz", 5))) == "192.0.2.7:56324/33");  // with a TLV
  std::string six = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" + std::string(15, '\0') +
                    "\x01" + std::string("\x00\x01\x00\x02", 4);
  CHECK(read(v2(0x21, 0x21, six)) == "2001:db8::7:1/52");
}

TEST_CASE("a proxy that speaks for itself or for nobody is known by its own address") {
  CHECK(read(v2(0x20, 0x00, "")) == "unknown/16");
  CHECK(read(v2(0x20, 0x11, kFour)) == "unknown/28");
  CHECK(read(v2(0x21, 0x00, "")) == "unknown/16");
  CHECK(read(v2(0x21, 0x31, std::string(216, 'x'))) == "unknown/232");
  CHECK(read(v2(0x21, 0x12, kFour)) == "unknown/28");
}

TEST_CASE("a header may come byte by byte") {
  for (const std::string& whole :
       {std::string("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n"), v2(0x21, 0x11, kFour)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK(read(whole.substr(0, size)) == "more");
    CHECK(read(whole).starts_with("192.0.2.7:56324/"));
  }
}

TEST_CASE("what is no header is refused") {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n"),
                                   std::string("\x16\x03\x01"),
                                   std::string("proxy TCP4 "),
                                   std::string("PROXYTCP4"),
                                   std::string("PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7  192.0.2.1 1 2\r\n"),
                                   std::string("PROXY TCP4 2001:db8::7 ::1 1 2\r\n"),
                                   std::string("PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 192.0.2.1 +1 2\r\n"),
                                   std::string("PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n"),
                                   "PROXY " + std::string(200, 'x'),
                                   v2(0x11, 0x11, kFour),
                                   v2(0x22, 0x11, kFour),
                                   v2(0x21, 0x41, kFour),
                                   v2(0x21, 0x13, kFour),
                                   v2(0x21, 0x11, kFour.substr(1)),
                                   v2(0x21, 0x21, kFour),
                                   v2(0x21, 0x00, std::string(9000, 'x'))}) {
    CAPTURE(bytes);
    CHECK(read(bytes).starts_with("PROXY protocol: "));
  }
}

TEST_CASE("headers that are written can be read") {
  Address four{Address::Kind::ip, "192.0.2.7", 1234}, six{Address::Kind::ip, "2001:db8::7", 80};
  Address to{Address::Kind::ip, "192.0.2.1", 443}, socket{Address::Kind::unix_path, "unix", 0};
  CHECK(proxy_header(ProxyVersion::v1, four, to) == "PROXY TCP4 192.0.2.7 192.0.2.1 1234 443\r\n");
  CHECK(proxy_header(ProxyVersion::v1, six, to) == "PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 80 443\r\n");
  CHECK(proxy_header(ProxyVersion::v1, socket, to) == "PROXY UNKNOWN\r\n");
  CHECK(read(proxy_header(ProxyVersion::v2, four, to)) == "192.0.2.7:1234/28");
  CHECK(read(proxy_header(ProxyVersion::v2, six, to)) == "2001:db8::7:80/52");
  CHECK(read(proxy_header(ProxyVersion::v2, socket, to)) == "unknown/16");
}
