#include "echo.h"

#include <charconv>
#include <utility>

void append_json(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else
      ((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15];
  }
  out += '"';
}

void JsonObject::key(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  append_json(text_, name);
  text_ += ':';
}

void JsonObject::add(std::string_view name, std::string_view text) {
  key(name);
  append_json(text_, text);
}

void JsonObject::add_raw(std::string_view name, std::string_view json) {
  key(name);
  text_ += json;
}

std::string JsonObject::close() && {
  text_ += "}\n";
  return std::move(text_);
}

std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t otherwise, std::uint64_t most) {
  while (!query.empty()) {
    auto end = query.find('&');
    auto piece = query.substr(0, end);
    query = end == query.npos ? std::string_view{} : query.substr(end + 1);
    if (!piece.starts_with(name) || piece.size() <= name.size() || piece[name.size()] != '=') continue;
    auto digits = piece.substr(name.size() + 1);
    std::uint64_t number = 0;
    auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    bool good = error == std::errc{} && stop == digits.data() + digits.size() && number <= most;
    return good ? number : otherwise;
  }
  return otherwise;
}
