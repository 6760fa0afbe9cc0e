#include "plan/template.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace postern::proxy {
namespace {

template <class Number>
std::string_view number_text(Number number, Arena& arena) {
  constexpr std::size_t kEnough = 32;  // the shortest form of a double has at most 24 characters
  char* begin = static_cast<char*>(arena.allocate(kEnough, 1));
  auto [end, error] = std::to_chars(begin, begin + kEnough, number);
  return error == std::errc() ? std::string_view(begin, static_cast<std::size_t>(end - begin)) : std::string_view();
}

Error at_character(std::size_t index, std::string what) {
  return Error::gateway(std::move(what) + ", at character " + std::to_string(index + 1));
}

}  // namespace

std::string_view text_of(const Value& value, Arena& arena) {
  switch (value.kind) {
    case Value::Kind::none:
      return {};
    case Value::Kind::string:
      return value.string;
    case Value::Kind::integer:
      return number_text(value.integer, arena);
    case Value::Kind::number:
      return number_text(value.number, arena);
    case Value::Kind::boolean:
      return value.integer != 0 ? "true" : "false";
  }
  return {};
}

Result<Template> Template::compile(std::string_view text) {
  if (text.size() > kLongest) return fail(Error::gateway("a template has at most 64 KiB"));
  Template compiled;
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("$${")) {
      plain += "${";
      i += 3;
      continue;
    }
    if (!text.substr(i).starts_with("${")) {
      plain += text[i++];
      continue;
    }
    std::size_t close = text.find('}', i);
    if (close == std::string_view::npos) return fail(at_character(i, "\"${\" has no closing brace"));
    std::string name(text.substr(i + 2, close - i - 2));
    VariableId variable = variable_id(name);
    if (variable == 0) return fail(at_character(i, "\"" + name + "\" is not a variable's name"));
    if (compiled.pieces_.size() >= kMaxPieces) return fail(Error::gateway("a template has at most 256 variables"));
    compiled.pieces_.push_back({std::move(plain), variable});
    plain.clear();
    i = close + 1;
  }
  if (!plain.empty()) compiled.pieces_.push_back({std::move(plain), 0});
  return compiled;
}

std::string_view Template::expand(const VariableReader& reader, Arena& arena) const {
  if (pieces_.empty()) return {};
  const Piece& first = pieces_.front();
  if (pieces_.size() == 1 && first.variable == 0) return first.text;
  if (pieces_.size() == 1 && first.text.empty()) return text_of(reader.variable(first.variable), arena);

  std::span<std::string_view> values = arena.array<std::string_view>(pieces_.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    values[i] = piece.variable != 0 ? text_of(reader.variable(piece.variable), arena) : std::string_view();
    size += piece.text.size() + values[i].size();
  }
  char* begin = static_cast<char*>(arena.allocate(size, 1));
  char* to = begin;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    to = std::copy(pieces_[i].text.begin(), pieces_[i].text.end(), to);
    to = std::copy(values[i].begin(), values[i].end(), to);
  }
  return {begin, size};
}

std::vector<VariableId> Template::variables() const {
  std::vector<VariableId> ids;
  for (const Piece& piece : pieces_)
    if (piece.variable != 0 && std::find(ids.begin(), ids.end(), piece.variable) == ids.end())
      ids.push_back(piece.variable);
  return ids;
}

}  // namespace postern::proxy
