// Any first bytes of a connection: what is taken for a PROXY header is well-formed, and comes to the same byte by byte.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/proxy_protocol.h"

using namespace postern::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto whole = parse_proxy_header(bytes);
  if (!whole) return 0;
  if (!*whole) {
    if (size >= kMaxProxyHeader) std::abort();  // nobody may make us wait for ever
    return 0;
  }
  const ProxyHeader& header = **whole;
  if (header.size > size || header.size > kMaxProxyHeader) std::abort();
  if (!header.host.empty() &&
      !parse_address(header.host.find(':') == std::string::npos ? header.host + ":1" : "[" + header.host + "]:1"))
    std::abort();
  for (std::size_t i = 0; i < header.size; ++i) {
    auto part = parse_proxy_header(bytes.substr(0, i));
    if (!part || *part) std::abort();
  }
  return 0;
}
