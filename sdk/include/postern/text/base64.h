// Base64 (RFC 4648): plain, with padding, and URL-safe, without. One text for each value: decoding refuses what no encoder writes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern {
namespace detail {

struct Base64Alphabet {
  std::string_view characters;
  bool padded;
};
inline constexpr Base64Alphabet kBase64 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true};
inline constexpr Base64Alphabet kBase64Url = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                                              false};

// By character: its six bits, or -1.
constexpr std::array<std::int8_t, 256> base64_values(std::string_view characters) {
  std::array<std::int8_t, 256> values;
  values.fill(-1);
  for (std::size_t i = 0; i < characters.size(); ++i)
    values[static_cast<unsigned char>(characters[i])] = static_cast<std::int8_t>(i);
  return values;
}

template <const Base64Alphabet& alphabet>
std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text += alphabet.characters[bits >> (count - 6) & 63];
  }
  if (count > 0) text += alphabet.characters[bits << (6 - count) & 63];
  while (alphabet.padded && text.size() % 4 != 0) text += '=';
  return text;
}

template <const Base64Alphabet& alphabet>
std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr auto kValues = base64_values(alphabet.characters);
  if (alphabet.padded && text.size() % 4 != 0) return std::nullopt;
  for (int pads = 0; alphabet.padded && pads < 2 && text.ends_with('='); ++pads) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;  // bits that nobody would have written
  return bytes;
}

}  // namespace detail

inline std::string base64(std::string_view bytes) { return detail::encode_base64<detail::kBase64>(bytes); }
inline std::string base64_url(std::string_view bytes) { return detail::encode_base64<detail::kBase64Url>(bytes); }
inline std::optional<std::string> from_base64(std::string_view text) {
  return detail::decode_base64<detail::kBase64>(text);
}
inline std::optional<std::string> from_base64_url(std::string_view text) {
  return detail::decode_base64<detail::kBase64Url>(text);
}

}  // namespace postern
