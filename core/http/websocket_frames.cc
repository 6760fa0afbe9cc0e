#include "http/websocket_frames.h"

#include <algorithm>

namespace postern::http {
namespace {

constexpr std::uint8_t kFin = 0x80, kMasked = 0x80, kLength = 0x7f;
constexpr std::uint8_t kLength16 = 126, kLength64 = 127;  // what stands in place of a length that follows
constexpr std::uint8_t kClose = 0x8, kPing = 0x9, kPong = 0xa, kBinary = 0x2;
constexpr std::size_t kMaskBytes = 4;

bool is_control(std::uint8_t opcode) { return opcode >= kClose; }
bool is_known(std::uint8_t opcode) { return opcode <= kBinary || (opcode >= kClose && opcode <= kPong); }

}  // namespace

std::size_t WebSocketFrames::feed_frame(std::string_view bytes) noexcept {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    taken += step(bytes.substr(taken));
    if (at_boundary()) break;
  }
  return taken;
}

// Takes at least one byte, and none behind the end of a frame.
std::size_t WebSocketFrames::step(std::string_view bytes) noexcept {
  if (broken_) return bytes.size();
  if (left_ == 0) return read_header(bytes);
  auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  left_ -= taken;
  if (left_ == 0) end_frame();
  return taken;
}

std::size_t WebSocketFrames::read_header(std::string_view bytes) noexcept {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    header_[header_size_++] = static_cast<std::uint8_t>(bytes[taken++]);
    if (header_size_ < 2) continue;
    if (header_size_ == 2 && !starts_well()) {
      broken_ = true;
      return bytes.size();
    }
    if (header_size_ < header_length()) continue;
    finish_header();
    break;
  }
  return taken;
}

std::size_t WebSocketFrames::header_length() const noexcept {
  std::uint8_t length = header_[1] & kLength;
  std::size_t extended = length == kLength64 ? 8 : length == kLength16 ? 2 : 0;
  return 2 + extended + (masked_ ? kMaskBytes : 0);
}

// The reserved bits are the extensions' (permessage-deflate sets one).
bool WebSocketFrames::starts_well() const noexcept {
  if (close_passed_ || !is_known(opcode()) || ((header_[1] & kMasked) != 0) != masked_) return false;
  return !is_control(opcode()) || ((header_[0] & kFin) != 0 && (header_[1] & kLength) < kLength16);
}

void WebSocketFrames::finish_header() noexcept {
  std::uint8_t length = header_[1] & kLength;
  std::size_t extended = length == kLength64 ? 8 : length == kLength16 ? 2 : 0;
  left_ = extended == 0 ? length : 0;
  for (std::size_t i = 0; i < extended; ++i) left_ = left_ << 8 | header_[2 + i];
  if (left_ >> 63 != 0) broken_ = true;  // section 5.2: the most significant bit is 0
  is_close_ = opcode() == kClose;
  header_size_ = 0;
  if (left_ == 0) end_frame();
}

void WebSocketFrames::end_frame() noexcept { close_passed_ = close_passed_ || is_close_; }

std::string websocket_close_to_client(std::uint16_t code) {
  return {static_cast<char>(kFin | kClose), 2, static_cast<char>(code >> 8), static_cast<char>(code)};
}

std::string websocket_close_to_server(std::uint16_t code) {
  std::string frame = websocket_close_to_client(code);
  frame[1] = static_cast<char>(kMasked | 2);
  return frame.insert(2, kMaskBytes, '\0');
}

std::string_view websocket_ping_to_client() noexcept {
  static constexpr char kFrame[] = {static_cast<char>(kFin | kPing), 0};
  return {kFrame, sizeof kFrame};
}

}  // namespace postern::http
