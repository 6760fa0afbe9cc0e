#include "response_fields.h"

#include <algorithm>

namespace {

std::string_view without_space(std::string_view text) noexcept {
  auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is(std::string_view text, std::string_view lower_case) noexcept {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

}  // namespace

bool is_cors(std::string_view name) noexcept {
  constexpr std::string_view kPrefix = "access-control-";
  return name.size() > kPrefix.size() && is(name.substr(0, kPrefix.size()), kPrefix);
}

bool is_vary(std::string_view name) noexcept { return is(name, "vary"); }

bool vary_names(std::string_view vary, std::string_view name) noexcept {
  for (;;) {
    auto comma = vary.find(',');
    auto member = without_space(vary.substr(0, comma));
    if (member == "*" || is(member, name)) return true;
    if (comma == vary.npos) return false;
    vary.remove_prefix(comma + 1);
  }
}
