#include "message_frames.h"

#include <cstdint>

namespace {
constexpr std::size_t kHead = 5;
}

std::string framed(std::string_view message) {
  std::string frame(1, '\0');
  frame.reserve(kHead + message.size());
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(message.size() >> shift & 0xff);
  return frame.append(message);
}

void MessageReader::feed(std::string_view bytes) {
  bytes_.erase(0, at_);
  at_ = 0;
  bytes_.append(bytes);
}

std::optional<std::string_view> MessageReader::next() {
  auto rest = std::string_view(bytes_).substr(at_);
  if (!problem_.empty() || rest.size() < kHead) return std::nullopt;
  if (rest[0] != '\0') {
    problem_ = rest[0] == '\1' ? "the server compressed a message although nobody asked for it"
                               : "the server sent a message with an unknown flag";
    return std::nullopt;
  }
  std::uint32_t size = 0;
  for (std::size_t i = 1; i < kHead; ++i) size = size << 8 | static_cast<unsigned char>(rest[i]);
  if (size > limit_) {
    problem_ = "the server sent a message that is longer than the gateway takes";
    return std::nullopt;
  }
  if (rest.size() - kHead < size) return std::nullopt;
  at_ += kHead + size;
  return rest.substr(kHead, size);
}
