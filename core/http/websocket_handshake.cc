#include "http/websocket_handshake.h"

#include <algorithm>

#include "http/char_class.h"

namespace postern::http {
namespace {

bool is_base64(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// 16 bytes in base64.
bool is_key(std::string_view key) noexcept {
  return key.size() == 24 && key.substr(22) == "==" && std::all_of(key.begin(), key.begin() + 22, is_base64);
}

}  // namespace

std::string_view websocket_request_problem(const RequestHead& head) noexcept {
  if (head.method != "GET") return "a WebSocket is asked for with GET";
  if (!is_empty(head.body)) return "a request for a WebSocket has no body";
  if (head.headers.count("Sec-WebSocket-Key") != 1 || !is_key(*head.headers.get("Sec-WebSocket-Key")))
    return "a request for a WebSocket has one Sec-WebSocket-Key of 16 bytes";
  if (head.headers.count("Sec-WebSocket-Version") != 1) return "a request for a WebSocket has one Sec-WebSocket-Version";
  return {};
}

std::string_view asked_protocol(std::string_view asked, std::string_view protocol) noexcept {
  while (!asked.empty()) {
    std::size_t comma = std::min(asked.find(','), asked.size());
    std::string_view one = trim(asked.substr(0, comma));
    if (same_name(one, protocol)) return one;
    asked.remove_prefix(std::min(comma + 1, asked.size()));
  }
  return {};
}

}  // namespace postern::http
