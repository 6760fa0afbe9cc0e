// WebSocket frames (RFC 6455 section 5) as far as a tunnel needs them: where one ends and the next begins, and the few
// control frames that a gateway says itself. Judges no more than that; payloads are not looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::http {

// Follows the frames of one direction in bounded memory. A stream that is no WebSocket's is found out by its first frame that
// cannot be one; from then on nothing is said of it any more.
class WebSocketFrames {
 public:
  enum class From : std::uint8_t { client, server };  // frames of clients are masked, those of servers are not
  explicit WebSocketFrames(From from) noexcept : masked_(from == From::client) {}

  void feed(std::string_view bytes) noexcept {
    while (!bytes.empty()) bytes.remove_prefix(step(bytes));
  }
  // Takes bytes up to the end of the frame that has begun, of the next one at a boundary; how many these are. All when the frame
  // goes on behind them.
  std::size_t feed_frame(std::string_view bytes) noexcept;

  bool at_boundary() const noexcept { return !broken_ && header_size_ == 0 && left_ == 0; }
  bool close_passed() const noexcept { return close_passed_; }  // a whole Close frame: nothing follows it
  bool broken() const noexcept { return broken_; }

 private:
  static constexpr std::size_t kHeader = 14;  // the longest: 2, 8 of length, 4 of mask
  std::size_t step(std::string_view bytes) noexcept;
  std::size_t read_header(std::string_view bytes) noexcept;
  std::size_t header_length() const noexcept;  // known from its second byte on
  bool starts_well() const noexcept;
  void finish_header() noexcept;
  void end_frame() noexcept;
  std::uint8_t opcode() const noexcept { return header_[0] & 0x0f; }

  std::uint64_t left_ = 0;  // of the payload
  std::uint8_t header_[kHeader] = {};
  std::uint8_t header_size_ = 0;
  bool masked_;
  bool is_close_ = false;  // the frame whose payload comes
  bool close_passed_ = false;
  bool broken_ = false;
};

constexpr std::uint16_t kCloseGoingAway = 1001;
constexpr std::uint16_t kCloseServiceRestart = 1012;

// Whole frames. Those to servers are masked, with the key 0: what it hides from is an attacker who chooses the bytes
// (section 10.3), and nobody chooses these.
std::string websocket_close_to_client(std::uint16_t code);
std::string websocket_close_to_server(std::uint16_t code);
std::string_view websocket_ping_to_client() noexcept;

}  // namespace postern::http
