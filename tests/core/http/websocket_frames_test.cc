#include "http/websocket_frames.h"

#include <doctest/doctest.h>

#include <string>

#include "http/websocket_handshake.h"

namespace postern::http {
namespace {

using From = WebSocketFrames::From;

std::string frame(std::uint8_t first, std::size_t size, bool masked) {
  std::string bytes(1, static_cast<char>(first));
  std::uint8_t mask = masked ? 0x80 : 0;
  if (size < 126) {
    bytes += static_cast<char>(mask | size);
  } else if (size < 65536) {
    bytes += static_cast<char>(mask | 126);
    bytes += static_cast<char>(size >> 8);
    bytes += static_cast<char>(size);
  } else {
    bytes += static_cast<char>(mask | 127);
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(static_cast<std::uint64_t>(size) >> shift);
  }
  if (masked) bytes += "mask";
  return bytes + std::string(size, 'x');
}

TEST_CASE("frames of every length and mask end where they end") {
  for (auto from : {From::client, From::server}) {
    for (std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u, 100'000u}) {
      WebSocketFrames frames(from);
      std::string bytes = frame(0x82, size, from == From::client);
      CHECK(frames.at_boundary());
      CHECK(frames.feed_frame(bytes + "next") == bytes.size());
      CHECK(frames.at_boundary());
      frames.feed(std::string_view(bytes).substr(0, bytes.size() - 1));
      CHECK_FALSE(frames.at_boundary());
      frames.feed(std::string_view(bytes).substr(bytes.size() - 1));
      CHECK(frames.at_boundary());
      CHECK_FALSE(frames.broken());
    }
  }
}

TEST_CASE("pieces of one byte say the same as one piece") {
  WebSocketFrames frames(From::client);
  std::string bytes = frame(0x01, 300, true) + frame(0x89, 5, true) + frame(0x80, 70'000, true) + frame(0x88, 2, true);
  for (char c : bytes) {
    CHECK_FALSE(frames.close_passed());
    frames.feed({&c, 1});
  }
  CHECK(frames.at_boundary());
  CHECK(frames.close_passed());
}

TEST_CASE("a stream that is no WebSocket's is found out") {
  auto broken = [](From from, const std::string& bytes) {
    WebSocketFrames frames(from);
    frames.feed(bytes);
    CHECK_FALSE(frames.at_boundary());
    return frames.broken();
  };
  CHECK(broken(From::client, frame(0x82, 1, false)));                        // without a mask
  CHECK(broken(From::server, frame(0x82, 1, true)));                         // with one
  CHECK(broken(From::client, frame(0x83, 1, true)));                         // an opcode that there is not
  CHECK(broken(From::client, frame(0x8b, 1, true)));                         // a control frame that there is not
  CHECK(broken(From::client, frame(0x09, 1, true)));                         // a control frame in fragments
  CHECK(broken(From::client, frame(0x89, 126, true)));                       // a long one
  CHECK(broken(From::client, frame(0x88, 0, true) + frame(0x82, 0, true)));  // something after Close
  CHECK(broken(From::server, std::string("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10)));
  CHECK_FALSE(broken(From::server, "\xc2\x05x"));  // a reserved bit is an extension's
}

TEST_CASE("what the gateway says itself is made of whole frames") {
  WebSocketFrames client(From::client), server(From::server);
  CHECK(websocket_close_to_client(kCloseGoingAway) == "\x88\x02\x03\xe9");
  server.feed(websocket_ping_to_client());
  CHECK_FALSE(server.close_passed());
  server.feed(websocket_close_to_client(kCloseServiceRestart));
  client.feed(websocket_close_to_server(kCloseGoingAway));
  CHECK((server.close_passed() && server.at_boundary()));
  CHECK((client.close_passed() && client.at_boundary()));
}

TEST_CASE("the protocol is found in a list of them") {
  CHECK(asked_protocol("websocket", "websocket") == "websocket");
  CHECK(asked_protocol("h2c , WebSocket,x", "websocket") == "WebSocket");
  CHECK(asked_protocol("websocket/13", "websocket").empty());
  CHECK(asked_protocol("", "websocket").empty());
  CHECK(asked_protocol(",,", "websocket").empty());
}

TEST_CASE("keys are random and answered as RFC 6455 says") {
  CHECK(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(websocket_key().size() == 24);
  CHECK(websocket_key() != websocket_key());
}

}  // namespace
}  // namespace postern::http
