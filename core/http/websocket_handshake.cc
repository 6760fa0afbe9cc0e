#include "http/websocket_handshake.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "http/char_class.h"

namespace postern::http {
namespace {

bool is_base64(char c) noexcept { return is_letter(c) || is_digit(c) || c == '+' || c == '/'; }

// 16 bytes in base64.
bool is_key(std::string_view key) noexcept {
  return key.size() == 24 && key.substr(22) == "==" && std::all_of(key.begin(), key.begin() + 22, is_base64);
}

template <std::size_t N>
std::string base64(const std::array<unsigned char, N>& bytes) {
  std::string text((N + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a NUL
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(N));
  text.pop_back();
  return text;
}

}  // namespace

std::string websocket_key() {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  return base64(bytes);
}

std::string websocket_accept(std::string_view key) {
  std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, 20> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1) return {};
  return base64(digest);
}

std::string_view websocket_request_problem(const RequestHead& head) noexcept {
  if (head.method != "GET") return "a WebSocket is asked for with GET";
  if (!is_empty(head.body)) return "a request for a WebSocket has no body";
  if (head.extended_connect) return {};  // the rest is HTTP/1.1's
  if (head.headers.count("Sec-WebSocket-Key") != 1 || !is_key(*head.headers.get("Sec-WebSocket-Key")))
    return "a request for a WebSocket has one Sec-WebSocket-Key of 16 bytes";
  if (head.headers.count("Sec-WebSocket-Version") != 1)
    return "a request for a WebSocket has one Sec-WebSocket-Version";
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
