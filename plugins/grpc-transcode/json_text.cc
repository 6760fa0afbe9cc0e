#include "json_text.h"

#include <cstddef>
#include <nlohmann/json.hpp>

namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxValues = 100'000;
constexpr std::size_t kMaxKept = 300'000;

// The length of the UTF-8 sequence that `text` begins with; 0 when it is none.
std::size_t sequence(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  if (byte(0) < 0xc2 || byte(0) > 0xf4) return 0;
  std::size_t size = byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  if (text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  bool surrogate = byte(0) == 0xed && byte(1) > 0x9f;
  bool beyond = byte(0) == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : size;
}

// Where the string that begins at `at` with a quote ends: behind its last quote.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

// An Any whose type comes last is kept, value by value, until then: in all the Anys around it too.
bool may_hold_any(std::string_view text) {
  return text.find("@type") != std::string_view::npos || text.find("\\u") != std::string_view::npos;
}

bool is_modest(std::string_view text) {
  const std::size_t most_kept = may_hold_any(text) ? kMaxKept : kMaxValues * kMaxDepth;
  std::size_t depth = 0, values = 1, kept = 1;
  for (std::size_t at = 0; at < text.size();) {
    char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      continue;
    }
    bool opens = c == '{' || c == '[';
    if (opens && ++depth > kMaxDepth) return false;
    if (opens || c == ',') {
      kept += depth;
      if (++values > kMaxValues || kept > most_kept) return false;
    }
    if ((c == '}' || c == ']') && depth > 0) --depth;
    ++at;
  }
  return true;
}

// Behind the value that begins at `at`: at the comma or bracket that follows.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      continue;
    }
    bool closes = c == '}' || c == ']';
    if (depth == 0 && (closes || c == ',')) break;
    if (c == '{' || c == '[') ++depth;
    if (closes) --depth;
    ++at;
  }
  return at;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    auto size = sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string json = "\"";
  while (!text.empty()) {
    auto size = sequence(text);
    auto c = static_cast<unsigned char>(text.front());
    if (size == 0)
      json += "\xef\xbf\xbd";
    else if (c < 0x20)
      json.append("\\u00").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
    else if (c == '"' || c == '\\')
      json.append(1, '\\').append(text, 0, 1);
    else
      json.append(text, 0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return json + '"';
}

bool is_strict_json(std::string_view text) { return is_modest(text) && nlohmann::json::accept(text); }

std::optional<std::string_view> member(std::string_view object, std::string_view name) {
  std::string wanted = quoted(name);
  std::size_t at = object.find('{');
  if (at == std::string_view::npos) return std::nullopt;
  ++at;
  while ((at = object.find('"', at)) != std::string_view::npos) {
    std::size_t key_end = end_of_string(object, at);
    auto key = object.substr(at, key_end - at);
    std::size_t value = object.find(':', key_end);
    if (value == std::string_view::npos) return std::nullopt;
    std::size_t end = end_of_value(object, ++value);
    if (key == wanted) return object.substr(value, end - value);
    at = end;
  }
  return std::nullopt;
}
