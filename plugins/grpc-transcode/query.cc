#include "query.h"

#include <postern/text/pairs.h>

#include <utility>

namespace {

constexpr std::size_t kMaxParameters = 100;  // each is read as a message of its own

bool decode(std::string_view text, std::string& to) {
  while (!text.empty()) {
    if (text.front() == '%' && postern::escaped_byte(text) < 0) return false;
    to += postern::take_query_decoded(text);
  }
  return true;
}

}  // namespace

std::optional<std::vector<QueryParameter>> read_query(std::string_view query) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    const postern::Pair written = postern::take_parameter(query);
    if (written.text.empty()) continue;
    QueryParameter one;
    bool good = decode(written.name, one.name) && decode(written.value, one.value);
    if (!good || parameters.size() == kMaxParameters) return std::nullopt;
    parameters.push_back(std::move(one));
  }
  return parameters;
}
