#include <postern/text/ascii.h>

#include <charconv>
#include <cmath>

#include "config/node.h"

namespace postern::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// Largest first, so that showing finds the shortest exact form.
constexpr Unit kDurations[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};
constexpr Unit kSizes[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"b", 1}};

constexpr std::int64_t kLargest = std::int64_t{1} << 53;  // exact as a double, and sums of it do not overflow

// Splits "1.5s" into digits with at most one point, and the unit.
bool split(std::string_view text, std::string_view& number, std::string_view& unit) {
  std::size_t end = 0, points = 0;
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) points += text[end++] == '.';
  number = text.substr(0, end);
  unit = text.substr(end);
  return end > 0 && end <= 20 && points <= 1 && is_digit(number.front()) && is_digit(number.back());
}

// False when the result is no whole number of the smallest unit, or too large.
bool scale(std::string_view number, std::int64_t factor, std::int64_t& to) {
  double value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size()) return false;
  double scaled = value * static_cast<double>(factor);
  if (scaled > static_cast<double>(kLargest)) return false;
  double whole = std::round(scaled);
  if (std::abs(scaled - whole) > 1e-6) return false;
  to = static_cast<std::int64_t>(whole);
  return true;
}

template <std::size_t N>
std::string show(std::int64_t value, const Unit (&units)[N]) {
  if (value == 0) return "0";
  for (const Unit& u : units)
    if (value % u.factor == 0) return std::to_string(value / u.factor) + std::string(u.name);
  return std::to_string(value);
}

}  // namespace

bool parse_duration_ms(std::string_view text, std::int64_t& ms) {
  std::string_view number, unit;
  if (!split(text, number, unit)) return false;
  if (unit.empty() && text == "0") {
    ms = 0;
    return true;
  }
  for (const Unit& u : kDurations)
    if (u.name == unit) return scale(number, u.factor, ms);
  return false;
}

bool parse_size(std::string_view text, std::int64_t& bytes) {
  std::string_view number, unit;
  if (!split(text, number, unit)) return false;
  if (unit.empty()) return scale(number, 1, bytes);
  for (const Unit& u : kSizes)
    if (unit.size() == 1 && (unit[0] | 0x20) == u.name[0]) return scale(number, u.factor, bytes);
  return false;
}

std::string show_duration(std::int64_t ms) { return show(ms, kDurations); }
std::string show_size(std::int64_t bytes) { return show(bytes, kSizes); }

}  // namespace postern::config
