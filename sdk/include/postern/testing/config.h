// Config: an instance's configuration in a test, written in C++ or as JSON text, and completed from the plugin's
// schema.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postern/abi.h"

namespace postern::testing {

// Config config = {{"limit", 5}, {"by", "ip"}, {"keys", Config::list({"a", "b"})}};   or Config::json(R"({"limit":
// 5})")
class Config {
 public:
  struct Member;

  Config() = default;  // null
  Config(bool value) : kind_(POSTERN_NODE_BOOL), integer_(value ? 1 : 0) {}
  Config(int value) : Config(static_cast<long long>(value)) {}
  Config(unsigned value) : Config(static_cast<long long>(value)) {}
  Config(long value) : Config(static_cast<long long>(value)) {}
  Config(unsigned long value) : Config(static_cast<long long>(value)) {}
  Config(long long value) : kind_(POSTERN_NODE_INT), integer_(value), number_(static_cast<double>(value)) {}
  Config(double value) : kind_(POSTERN_NODE_DOUBLE), integer_(static_cast<std::int64_t>(value)), number_(value) {}
  Config(const char* value) : kind_(POSTERN_NODE_STRING), string_(value) {}
  Config(std::string value) : kind_(POSTERN_NODE_STRING), string_(std::move(value)) {}
  Config(std::initializer_list<Member> members);  // a map

  static Config list(std::initializer_list<Config> items);
  static Config map();
  // Throws std::invalid_argument with the offset when the text is not JSON.
  static Config json(std::string_view text);

  std::uint32_t kind() const { return kind_; }
  bool is_map() const { return kind_ == POSTERN_NODE_MAP; }
  bool is_list() const { return kind_ == POSTERN_NODE_LIST; }
  bool is_string() const { return kind_ == POSTERN_NODE_STRING; }
  std::int64_t as_int() const { return integer_; }
  double as_double() const { return number_; }
  bool as_bool() const { return integer_ != 0; }
  const std::string& as_string() const { return string_; }
  const std::string& position() const { return position_; }  // the path: "rules[0].name"
  std::size_t size() const { return values_.size(); }
  const Config& at(std::size_t index) const { return values_[index]; }
  const std::string& key_at(std::size_t index) const { return keys_[index]; }
  const Config* find(std::string_view key) const {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) return &values_[i];
    }
    return nullptr;
  }
  void set(std::string_view key, Config value) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) {
        values_[i] = std::move(value);
        return;
      }
    }
    keys_.emplace_back(key);
    values_.push_back(std::move(value));
  }
  void append(Config value) { values_.push_back(std::move(value)); }

  // Fills in the schema's defaults and turns "format": "duration" and "size" into milliseconds and bytes, as the
  // gateway does before a plugin sees its configuration. The rest of the schema is not checked here: that is the
  // gateway's work.
  void complete(const Config& schema) { complete(schema, schema); }
  // Gives every node its path as its position.
  void number_positions(const std::string& path);

  postern_node raw() const { return reinterpret_cast<postern_node>(this); }
  static const Config* from(postern_node node) { return reinterpret_cast<const Config*>(node); }

 private:
  static const Config& resolve(const Config& given, const Config& document);
  void complete(const Config& given, const Config& document);

  std::uint32_t kind_ = POSTERN_NODE_NULL;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string string_;
  std::vector<std::string> keys_;  // of a map, in order, beside values_
  std::vector<Config> values_;
  std::string position_;
};

struct Config::Member {
  std::string key;
  Config value;
};

inline Config::Config(std::initializer_list<Member> members) : kind_(POSTERN_NODE_MAP) {
  for (const Member& member : members) set(member.key, member.value);
}

inline Config Config::list(std::initializer_list<Config> items) {
  Config list;
  list.kind_ = POSTERN_NODE_LIST;
  list.values_.assign(items.begin(), items.end());
  return list;
}

inline Config Config::map() {
  Config map;
  map.kind_ = POSTERN_NODE_MAP;
  return map;
}

namespace detail {

// "10s", "1.5m", "64k": the number and the factor of its unit. Anything else is left to the caller.
inline bool parse_unit(std::string_view text, std::initializer_list<std::pair<std::string_view, double>> units,
                       std::int64_t& result) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return false;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& [name, factor] : units) {
    if (unit == name) {
      result = std::llround(number * factor);
      return true;
    }
  }
  return false;
}

// A small JSON reader: for schemas and tests, so it throws.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}
  Config document() {
    Config value = this->value(0);
    skip_space();
    if (at_ != text_.size()) fail("text after the end");
    return value;
  }

 private:
  static constexpr int kMaxDepth = 64;

  Config value(int depth) {
    if (depth > kMaxDepth) fail("nested too deeply");
    skip_space();
    switch (peek()) {
      case '{':
        return map(depth);
      case '[':
        return list(depth);
      case '"':
        return Config(string());
      case 't':
        return literal("true", Config(true));
      case 'f':
        return literal("false", Config(false));
      case 'n':
        return literal("null", Config());
      default:
        return number();
    }
  }
  Config map(int depth) {
    Config map = Config::map();
    ++at_;
    for (skip_space(); peek() != '}'; skip_space()) {
      if (map.size() > 0) expect(',');
      skip_space();
      const std::string key = string();
      skip_space();
      expect(':');
      map.set(key, value(depth + 1));
    }
    ++at_;
    return map;
  }
  Config list(int depth) {
    Config list = Config::list({});
    ++at_;
    for (skip_space(); peek() != ']'; skip_space()) {
      if (list.size() > 0) expect(',');
      list.append(value(depth + 1));
    }
    ++at_;
    return list;
  }
  Config literal(std::string_view word, Config value) {
    if (text_.substr(at_, word.size()) != word) fail("unknown word");
    at_ += word.size();
    return value;
  }
  Config number() {
    const std::size_t end = std::min(text_.find_first_not_of("+-.0123456789eE", at_), text_.size());
    const std::string digits(text_.substr(at_, end - at_));
    if (digits.empty()) fail("a value is missing");
    at_ = end;
    if (digits.find_first_of(".eE") == std::string::npos) return Config(std::strtoll(digits.c_str(), nullptr, 10));
    return Config(std::strtod(digits.c_str(), nullptr));
  }
  std::string string() {
    expect('"');
    std::string text;
    while (peek() != '"') {
      if (peek() == '\\') {
        escape(text);
      } else {
        text += text_[at_++];
      }
    }
    ++at_;
    return text;
  }
  void escape(std::string& text) {
    ++at_;
    const char c = peek();
    ++at_;
    switch (c) {
      case 'n':
        text += '\n';
        break;
      case 't':
        text += '\t';
        break;
      case 'r':
        text += '\r';
        break;
      case 'b':
        text += '\b';
        break;
      case 'f':
        text += '\f';
        break;
      case 'u':
        unicode(text);
        break;
      default:
        text += c;
    }
  }
  void unicode(std::string& text) {
    unsigned code = 0;
    const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
    std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    at_ += 4;
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xC0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      text += static_cast<char>(0xE0 | (code >> 12));
      text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      text += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  char peek() const {
    if (at_ >= text_.size()) fail("it ends too early");
    return text_[at_];
  }
  void expect(char c) {
    if (peek() != c) fail(std::string("expected '") + c + "'");
    ++at_;
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw std::invalid_argument("not JSON at offset " + std::to_string(at_) + ": " + why);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace detail

inline Config Config::json(std::string_view text) { return detail::JsonReader(text).document(); }

// {"$ref": "#/definitions/name"} or the schema itself.
inline const Config& Config::resolve(const Config& given, const Config& document) {
  const Config* reference = given.find("$ref");
  const Config* definitions = document.find("definitions");
  constexpr std::string_view kPrefix = "#/definitions/";
  if (reference == nullptr || definitions == nullptr || !reference->as_string().starts_with(kPrefix)) return given;
  const Config* found = definitions->find(reference->as_string().substr(kPrefix.size()));
  return found == nullptr ? given : *found;
}

inline void Config::complete(const Config& given, const Config& document) {
  const Config& schema = resolve(given, document);
  const Config* format = schema.find("format");
  if (format != nullptr && is_string()) {
    std::int64_t scaled = 0;
    if (format->as_string() == "duration" &&
        detail::parse_unit(string_, {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}}, scaled)) {
      *this = Config(static_cast<long long>(scaled));
    } else if (format->as_string() == "size" &&
               detail::parse_unit(string_, {{"", 1}, {"k", 1024}, {"m", 1048576}, {"g", 1073741824}}, scaled)) {
      *this = Config(static_cast<long long>(scaled));
    }
    return;
  }
  const Config* properties = schema.find("properties");
  if (is_map() && properties != nullptr) {
    for (std::size_t i = 0; i < properties->size(); ++i) {
      const std::string& key = properties->key_at(i);
      const Config& property = properties->at(i);
      if (const Config* preset = property.find("default"); preset != nullptr && find(key) == nullptr) set(key, *preset);
      for (std::size_t k = 0; k < keys_.size(); ++k) {
        if (keys_[k] == key) values_[k].complete(property, document);
      }
    }
  }
  if (const Config* items = schema.find("items"); is_list() && items != nullptr) {
    for (Config& item : values_) item.complete(*items, document);
  }
}

inline void Config::number_positions(const std::string& path) {
  position_ = path;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const std::string below =
        is_map() ? (path.empty() ? keys_[i] : path + "." + keys_[i]) : path + "[" + std::to_string(i) + "]";
    values_[i].number_positions(below);
  }
}

}  // namespace postern::testing
