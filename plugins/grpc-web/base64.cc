#include "base64.h"

#include <algorithm>
#include <array>

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNone;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto kValues = make_values();

void append_group(std::string& text, std::string_view bytes) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
  for (std::size_t i = 0; i < 4; ++i) text += i <= bytes.size() ? kAlphabet[bits >> (18 - 6 * i) & 63] : '=';
}

}  // namespace

bool Base64Decoder::decode(std::string_view text, std::string& bytes) {
  for (char c : text)
    if (!take(c, bytes)) return false;
  return true;
}

bool Base64Decoder::take(char c, std::string& bytes) {
  std::uint8_t value = kValues[static_cast<unsigned char>(c)];
  if (c == '=') {
    if (count_ < 2) return false;
    ++padding_;
    value = 0;
  } else if (value == kNone || padding_ > 0) {
    return false;
  }
  bits_ = bits_ << 6 | value;
  if (++count_ < 4) return true;
  for (int i = 0; i < 3 - padding_; ++i) bytes += static_cast<char>(bits_ >> (16 - 8 * i) & 0xff);
  *this = Base64Decoder();
  return true;
}

void append_base64(std::string& text, std::string_view bytes) {
  text.reserve(text.size() + (bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size())))
    append_group(text, bytes.substr(0, 3));
}
