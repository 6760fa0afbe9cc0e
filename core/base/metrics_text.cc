#include "base/metrics_text.h"

#include <postern/text/ascii.h>
#include <postern/text/utf8.h>

#include <charconv>
#include <cmath>
#include <cstdint>

namespace postern::metrics_text {
namespace {

constexpr std::size_t kMaxName = 200;

bool may_begin(char c) noexcept { return is_letter(c) || c == '_' || c == ':'; }

}  // namespace

bool is_metric_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxName || !may_begin(name.front())) return false;
  for (char c : name)
    if (!may_begin(c) && !is_digit(c)) return false;
  return true;
}

bool is_label_name(std::string_view name) noexcept {
  return is_metric_name(name) && name.find(':') == std::string_view::npos && !name.starts_with("__");
}

std::string clean(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = front_code_point(text).size;
    std::string_view piece = length > 0 ? text.substr(0, length) : kReplacementCharacter;
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    text.remove_prefix(length > 0 ? length : 1);
  }
  return out;
}

void append_help(std::string& out, std::string_view help) {
  for (char c : help) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

void append_label_value(std::string& out, std::string_view value) {
  for (char c : value) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '"')
      out += "\\\"";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

void append_number(std::string& out, double value) {
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char text[32];
  bool whole = std::fabs(value) < kExactIntegers && std::trunc(value) == value;
  auto end = whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value))
                   : std::to_chars(text, text + sizeof text, value);
  out.append(text, end.ptr);
}

std::string label_pairs(std::span<const std::string> names, std::span<const std::string> values) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += ',';
    out += names[i];
    out += "=\"";
    append_label_value(out, values[i]);
    out += '"';
  }
  return out;
}

}  // namespace postern::metrics_text
