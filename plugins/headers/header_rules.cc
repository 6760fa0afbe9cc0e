#include "header_rules.h"

#include <postern/text/ascii.h>

#include <algorithm>

namespace {

constexpr std::string_view kGateways[] = {"connection", "content-length",    "expect",
                                          "keep-alive", "proxy-connection",  "te",
                                          "trailer",    "transfer-encoding", "upgrade"};

}  // namespace

std::string_view refusal(std::string_view name, Message message, Change change) noexcept {
  if (name.empty() || !std::all_of(name.begin(), name.end(), postern::is_token_character))
    return "is not a header's name";
  for (auto gateways : kGateways)
    if (postern::same_ignoring_case(name, gateways))
      return "belongs to one connection and is written by the gateway alone";
  if (message == Message::request && change != Change::set && postern::same_ignoring_case(name, "host"))
    return "stands in every request exactly once: use \"set\"";
  return {};
}

bool has_controls(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}
