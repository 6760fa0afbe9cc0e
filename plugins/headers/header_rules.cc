#include "header_rules.h"

#include <algorithm>

namespace {

constexpr std::string_view kGateways[] = {"connection", "content-length",    "expect",
                                          "keep-alive", "proxy-connection",  "te",
                                          "trailer",    "transfer-encoding", "upgrade"};

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_token_character(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view refusal(std::string_view name, Message message, Change change) noexcept {
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_character)) return "is not a header's name";
  for (auto gateways : kGateways)
    if (same_name(name, gateways)) return "belongs to one connection and is written by the gateway alone";
  if (message == Message::request && change != Change::set && same_name(name, "host"))
    return "stands in every request exactly once: use \"set\"";
  return {};
}

bool has_controls(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}
