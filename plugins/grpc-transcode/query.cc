#include "query.h"

#include <algorithm>
#include <utility>

#include "percent.h"

namespace {

constexpr std::size_t kMost = 100;  // each is read as a message of its own

bool decode(std::string_view text, std::string& to) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      to += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    int byte = percent_byte(text, i);
    if (byte < 0) return false;
    to += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

}  // namespace

std::optional<std::vector<QueryParameter>> read_query(std::string_view query) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    auto size = std::min(query.find('&'), query.size());
    auto piece = query.substr(0, size);
    query.remove_prefix(std::min(size + 1, query.size()));
    if (piece.empty()) continue;
    auto equals = std::min(piece.find('='), piece.size());
    QueryParameter one;
    bool good = decode(piece.substr(0, equals), one.name) &&
                decode(piece.substr(std::min(equals + 1, piece.size())), one.value);
    if (!good || parameters.size() == kMost) return std::nullopt;
    parameters.push_back(std::move(one));
  }
  return parameters;
}
