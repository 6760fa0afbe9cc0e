// Any bytes as a WebSocket's: the same boundaries however they are split, and a frame of the gateway's own fits at each.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/websocket_frames.h"
#include "http/websocket_handshake.h"

namespace {

using postern::http::WebSocketFrames;

std::string boundaries(std::string_view bytes, WebSocketFrames::From from, std::size_t piece) {
  WebSocketFrames frames(from);
  std::string ends;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t taken = frames.feed_frame(bytes.substr(at, piece));
    if (taken == 0) std::abort();
    at += taken;
    if (frames.at_boundary()) ends += std::to_string(at) + ' ';
  }
  return ends + (frames.close_passed() ? "closed" : "") + (frames.broken() ? "broken" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto from = data[0] % 2 == 0 ? WebSocketFrames::From::client : WebSocketFrames::From::server;
  auto whole = boundaries(bytes, from, bytes.size() + 1);
  if (boundaries(bytes, from, 1) != whole || boundaries(bytes, from, 7) != whole) std::abort();
  auto asked = postern::http::asked_protocol(bytes, "websocket");
  if (!asked.empty() && asked.size() != postern::http::kWebSocket.size()) std::abort();
  return 0;
}
