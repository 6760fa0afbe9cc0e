// HTTP/2 frames as bytes, both ways: made by hand, so that a test can say what no library would, and read back as text.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace postern::http::testing {

inline constexpr std::uint8_t kEndStream = 1, kEndHeaders = 4, kPadded = 8, kAck = 1;

enum class FrameType : std::uint8_t {
  data,
  headers,
  priority,
  rst_stream,
  settings,
  push_promise,
  ping,
  goaway,
  window_update,
  continuation
};

inline std::string big_endian(std::uint32_t value, int bytes = 4) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

inline std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {}) {
  std::string bytes = big_endian(static_cast<std::uint32_t>(payload.size()), 3);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  return bytes + big_endian(stream) + std::string(payload);
}

// Literal fields without indexing; names and values below 127 bytes.
inline std::string fields(std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
  std::string block;
  for (auto [name, value] : all) {
    block += '\0';
    block += static_cast<char>(name.size());
    block += name;
    block += static_cast<char>(value.size());
    block += value;
  }
  return block;
}

inline std::string headers(std::uint32_t stream,
                           std::initializer_list<std::pair<std::string_view, std::string_view>> all,
                           bool ends = false) {
  return frame(FrameType::headers, static_cast<std::uint8_t>(kEndHeaders | (ends ? kEndStream : 0)), stream,
               fields(all));
}

inline std::string data(std::uint32_t stream, std::string_view bytes, bool ends = false) {
  return frame(FrameType::data, ends ? kEndStream : 0, stream, bytes);
}

inline std::string setting(std::uint16_t id, std::uint32_t value) { return big_endian(id, 2) + big_endian(value); }

inline std::string window_update(std::uint32_t stream, std::uint32_t more) {
  return frame(FrameType::window_update, 0, stream, big_endian(more));
}

// "headers 1 ends, data 1 5, rst_stream 1 8, window_update 0 100, goaway 1": what was sent, without SETTINGS and the
// preface; takes whole frames out of `bytes`.
inline std::string frames_in(std::string& bytes) {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  constexpr std::string_view kNames[] = {"data", "headers", "priority", "rst_stream",    "settings",
                                         "push", "ping",    "goaway",   "window_update", "continuation"};
  if (bytes.starts_with(kPreface)) bytes.erase(0, kPreface.size());
  auto number = [&](std::size_t at, std::size_t size) {
    std::uint32_t n = 0;
    for (std::size_t i = 0; i < size; ++i) n = n << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return n;
  };
  std::string text;
  while (bytes.size() >= 9 && bytes.size() >= 9 + number(0, 3)) {
    std::uint32_t size = number(0, 3);
    auto type = static_cast<FrameType>(bytes[3]);
    bool ends = (bytes[4] & kEndStream) != 0;
    if (type != FrameType::settings) {
      if (!text.empty()) text += ", ";
      text += kNames[static_cast<std::size_t>(type)];
      if (type != FrameType::ping && type != FrameType::goaway) text += " " + std::to_string(number(5, 4));
      if (type == FrameType::data) text += " " + std::to_string(size);
      if (type == FrameType::rst_stream || type == FrameType::window_update) text += " " + std::to_string(number(9, 4));
      if (type == FrameType::goaway) text += " " + std::to_string(number(13, 4));
      if (ends && (type == FrameType::data || type == FrameType::headers)) text += " ends";
    }
    bytes.erase(0, 9 + size);
  }
  return text;
}

}  // namespace postern::http::testing
