#include "json_text.h"

#include <postern/text/json.h>

#include <cstddef>
#include <nlohmann/json.hpp>

namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxValues = 100'000;
constexpr std::size_t kMaxKept = 300'000;

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

bool is_strict_json(std::string_view text) { return is_modest(text) && nlohmann::json::accept(text); }

std::optional<std::string_view> member(std::string_view object, std::string_view name) {
  std::string wanted = postern::json_string(name);
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
