// postern.base64: RFC 4648, plain and URL-safe alphabet.
#include <array>
#include <string>

#include "api/api.h"
#include "api/values.h"
#include "budget.h"

namespace postern::lua {
namespace {

constexpr char kPlain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kUrlSafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_text(std::string_view bytes, const char* alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) text += alphabet[bits << (6 - count) & 63];
  while (padded && text.size() % 4 != 0) text += '=';
  return text;
}

std::array<std::int8_t, 256> values_of(const char* alphabet) {
  std::array<std::int8_t, 256> values;
  values.fill(-1);
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}

// False on foreign characters, wrong padding, and bits that no encoder leaves behind: one text per value.
bool decode_text(std::string_view text, const std::array<std::int8_t, 256>& values, bool padded, std::string& bytes) {
  if (padded && text.size() % 4 != 0) return false;
  for (int pads = 0; padded && pads < 2 && text.ends_with('='); ++pads) text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  return (bits & ((1u << count) - 1)) == 0;
}

int encode_with(lua_State* L, const char* alphabet, bool padded) {
  const std::string_view bytes = check_text(L, 1);
  charge(L, bytes.size() / 16);
  const std::string text = encode_text(bytes, alphabet, padded);
  push_text(L, text);
  return 1;
}

int decode_with(lua_State* L, const std::array<std::int8_t, 256>& values, bool padded) {
  const std::string_view text = check_text(L, 1);
  charge(L, text.size() / 16);
  std::string bytes;
  if (!decode_text(text, values, padded, bytes)) return return_error(L, "not base64");
  push_text(L, bytes);
  return 1;
}

int encode(lua_State* L) { return encode_with(L, kPlain, true); }
int url_encode(lua_State* L) { return encode_with(L, kUrlSafe, false); }

int decode(lua_State* L) {
  static const auto kValues = values_of(kPlain);
  return decode_with(L, kValues, true);
}

int url_decode(lua_State* L) {
  static const auto kValues = values_of(kUrlSafe);
  return decode_with(L, kValues, false);
}

}  // namespace

void push_base64_table(lua_State* L) {
  lua_newtable(L);
  set_function(L, "encode", encode);
  set_function(L, "decode", decode);
  set_function(L, "url_encode", url_encode);
  set_function(L, "url_decode", url_decode);
}

}  // namespace postern::lua
