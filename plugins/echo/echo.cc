#include "echo.h"

#include <postern/text.h>

#include <charconv>
#include <utility>

void JsonObject::key(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  postern::append_json(text_, name);
  text_ += ':';
}

void JsonObject::add(std::string_view name, std::string_view text) {
  key(name);
  postern::append_json(text_, text);
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
  const std::string_view digits = postern::find_parameter(query, name).value_or("");
  std::uint64_t number = 0;
  auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  bool good = error == std::errc{} && stop == digits.data() + digits.size() && number <= most;
  return good ? number : otherwise;
}
