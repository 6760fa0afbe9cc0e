// JSON as values (RFC 8259), for bodies that a plugin reads or makes whole. Strict: one text is understood in one way or refused, so
// that a plugin and whoever is behind it never read different things.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "postern/text/json.h"
#include "postern/text/utf8.h"

namespace postern {

class Json {
 public:
  using List = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() = default;  // null
  Json(bool value) : held_(value) {}
  Json(int value) : held_(std::int64_t{value}) {}
  Json(std::int64_t value) : held_(value) {}
  Json(double value) : held_(value) {}  // one that is not finite is written as null
  Json(const char* value) : held_(std::string(value)) {}
  Json(std::string_view value) : held_(std::string(value)) {}
  Json(std::string value) : held_(std::move(value)) {}
  Json(List value) : held_(std::move(value)) {}
  Json(Object value) : held_(std::move(value)) {}

  // Nothing for what is no JSON: also for more than `max_depth` levels, a repeated key, text that is no UTF-8, numbers beyond a double.
  static std::optional<Json> parse(std::string_view text, int max_depth = 64);

  bool is_null() const { return std::holds_alternative<std::monostate>(held_); }
  // Null when it is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&held_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&held_); }
  const std::string* string() const { return std::get_if<std::string>(&held_); }
  const List* list() const { return std::get_if<List>(&held_); }
  const Object* object() const { return std::get_if<Object>(&held_); }
  List* list() { return std::get_if<List>(&held_); }
  Object* object() { return std::get_if<Object>(&held_); }
  std::optional<double> number() const {
    if (const auto* whole = integer()) return static_cast<double>(*whole);
    const auto* real = std::get_if<double>(&held_);
    return real != nullptr ? std::optional(*real) : std::nullopt;
  }
  // The member of an object; null when there is none.
  const Json* find(std::string_view key) const {
    if (object() == nullptr) return nullptr;
    const auto found = object()->find(key);
    return found != object()->end() ? &found->second : nullptr;
  }

  // On one line, without blanks.
  std::string text() const {
    std::string out;
    write(out);
    return out;
  }
  void write(std::string& out) const;

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Object> held_;
};

namespace detail {

class JsonReader {
 public:
  JsonReader(std::string_view text, int max_depth) : rest_(text), depth_left_(max_depth) {}
  std::optional<Json> whole() {
    std::optional<Json> value = next();
    skip_blanks();
    return rest_.empty() ? value : std::nullopt;
  }

 private:
  std::optional<Json> next() {
    skip_blanks();
    if (rest_.empty()) return std::nullopt;
    switch (rest_.front()) {
      case '{':
        return nested(&JsonReader::object);
      case '[':
        return nested(&JsonReader::list);
      case '"':
        if (auto text = string()) return Json(std::move(*text));
        return std::nullopt;
      case 't':
        return word("true", Json(true));
      case 'f':
        return word("false", Json(false));
      case 'n':
        return word("null", Json());
      default:
        return number();
    }
  }

  std::optional<Json> nested(std::optional<Json> (JsonReader::*read)()) {
    if (depth_left_ == 0) return std::nullopt;
    --depth_left_;
    rest_.remove_prefix(1);
    std::optional<Json> value = (this->*read)();
    ++depth_left_;
    return value;
  }

  std::optional<Json> list() {
    Json::List items;
    if (take(']')) return Json(std::move(items));
    do {
      auto item = next();
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
    } while (take(','));
    return take(']') ? std::optional(Json(std::move(items))) : std::nullopt;
  }

  std::optional<Json> object() {
    Json::Object members;
    if (take('}')) return Json(std::move(members));
    do {
      skip_blanks();
      auto key = string();
      if (!key || !take(':')) return std::nullopt;
      auto value = next();
      if (!value || !members.emplace(std::move(*key), std::move(*value)).second) return std::nullopt;
    } while (take(','));
    return take('}') ? std::optional(Json(std::move(members))) : std::nullopt;
  }

  std::optional<Json> word(std::string_view spelling, Json value) {
    if (!rest_.starts_with(spelling)) return std::nullopt;
    rest_.remove_prefix(spelling.size());
    return value;
  }

  // -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
  std::optional<Json> number() {
    std::size_t at = rest_.starts_with('-') ? 1 : 0;
    const std::size_t whole = digits(at);
    if (whole == 0 || (whole > 1 && rest_[at] == '0')) return std::nullopt;
    at += whole;
    bool real = false;
    if (at < rest_.size() && rest_[at] == '.') {
      const std::size_t fraction = digits(++at);
      if (fraction == 0) return std::nullopt;
      at += fraction;
      real = true;
    }
    if (at < rest_.size() && (rest_[at] == 'e' || rest_[at] == 'E')) {
      ++at;
      if (at < rest_.size() && (rest_[at] == '+' || rest_[at] == '-')) ++at;
      const std::size_t exponent = digits(at);
      if (exponent == 0) return std::nullopt;
      at += exponent;
      real = true;
    }
    const std::string_view written = rest_.substr(0, at);
    rest_.remove_prefix(at);
    return value_of(written, real);
  }
  std::size_t digits(std::size_t from) const {
    std::size_t count = 0;
    while (from + count < rest_.size() && is_digit(rest_[from + count])) ++count;
    return count;
  }
  static std::optional<Json> value_of(std::string_view written, bool real) {
    const char* end = written.data() + written.size();
    std::int64_t integer = 0;
    if (!real && std::from_chars(written.data(), end, integer).ec == std::errc()) return Json(integer);
    double number = 0;
    if (std::from_chars(written.data(), end, number).ec != std::errc()) return std::nullopt;
    return Json(number);
  }

  std::optional<std::string> string() {
    if (!rest_.starts_with('"')) return std::nullopt;
    rest_.remove_prefix(1);
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') {
      const CodePoint point = front_code_point(rest_);
      if (point.size == 0 || point.value < 0x20) return std::nullopt;
      if (rest_.front() == '\\') {
        if (!escape(text)) return std::nullopt;
        continue;
      }
      text += rest_.substr(0, point.size);
      rest_.remove_prefix(point.size);
    }
    if (rest_.empty()) return std::nullopt;
    rest_.remove_prefix(1);
    return text;
  }

  bool escape(std::string& text) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.size() < 2) return false;
    const char name = rest_[1];
    rest_.remove_prefix(2);
    if (name == 'u') return unicode(text);
    const std::size_t known = kNames.find(name);
    if (known == kNames.npos) return false;
    text += kMeanings[known];
    return true;
  }

  // Behind "\u": four digits, and for a high surrogate its low one.
  bool unicode(std::string& text) {
    std::uint32_t value = 0, low = 0;
    if (!four_digits(value) || (value >= 0xDC00 && value <= 0xDFFF)) return false;
    if (value >= 0xD800 && value <= 0xDBFF) {
      if (!rest_.starts_with("\\u")) return false;
      rest_.remove_prefix(2);
      if (!four_digits(low) || low < 0xDC00 || low > 0xDFFF) return false;
      value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(text, value);
    return true;
  }
  bool four_digits(std::uint32_t& value) {
    if (rest_.size() < 4) return false;
    for (const char c : rest_.substr(0, 4)) {
      if (hex_value(c) < 0) return false;
      value = value << 4 | static_cast<std::uint32_t>(hex_value(c));
    }
    rest_.remove_prefix(4);
    return true;
  }
  static void append_utf8(std::string& text, std::uint32_t value) {
    auto put = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (value < 0x80) return put(value);
    if (value < 0x800) {
      put(0xC0 | value >> 6);
    } else {
      if (value < 0x10000) {
        put(0xE0 | value >> 12);
      } else {
        put(0xF0 | value >> 18);
        put(0x80 | (value >> 12 & 0x3F));
      }
      put(0x80 | (value >> 6 & 0x3F));
    }
    put(0x80 | (value & 0x3F));
  }

  bool take(char wanted) {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() {
    const std::size_t end = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(end, rest_.size()));
  }

  std::string_view rest_;
  int depth_left_;
};

struct JsonWriter {
  std::string& out;
  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { out += std::to_string(value); }
  void operator()(double value) const {
    char text[32];
    const bool finite = std::isfinite(value);
    out.append(finite ? std::string_view(text, std::to_chars(text, text + sizeof text, value).ptr - text) : "null");
  }
  void operator()(const std::string& value) const { append_json(out, value); }
  void operator()(const Json::List& items) const {
    out += '[';
    const char* between = "";
    for (const Json& item : items) {
      out += std::exchange(between, ",");
      item.write(out);
    }
    out += ']';
  }
  void operator()(const Json::Object& members) const {
    out += '{';
    const char* between = "";
    for (const auto& [key, value] : members) {
      out += std::exchange(between, ",");
      append_json(out, key);
      out += ':';
      value.write(out);
    }
    out += '}';
  }
};

}  // namespace detail

inline std::optional<Json> Json::parse(std::string_view text, int max_depth) {
  return detail::JsonReader(text, max_depth).whole();
}
inline void Json::write(std::string& out) const { std::visit(detail::JsonWriter{out}, held_); }

}  // namespace postern
