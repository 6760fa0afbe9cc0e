#include "response_fields.h"

#include <postern/text/ascii.h>

bool is_cors(std::string_view name) noexcept {
  constexpr std::string_view kPrefix = "access-control-";
  return name.size() > kPrefix.size() && postern::starts_ignoring_case(name, kPrefix);
}

bool is_vary(std::string_view name) noexcept { return postern::same_ignoring_case(name, "vary"); }

bool vary_names(std::string_view vary, std::string_view name) noexcept {
  while (!vary.empty()) {
    auto member = postern::trim(postern::take_piece(vary, ','));
    if (member == "*" || postern::same_ignoring_case(member, name)) return true;
  }
  return false;
}
