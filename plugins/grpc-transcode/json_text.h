// JSON as text: judging it, and finding a member in it.
#pragma once

#include <optional>
#include <string_view>

// By RFC 8259, which protobuf's own reader is not strict about, nested no deeper than 100 and with no more than 100,000 values: they can
// cost many times their bytes. Where a member may be "@type", values times their depth are 300,000 at most.
bool is_strict_json(std::string_view text);
// The value of a member of an object, as it is written; nothing when it has no such member. `object` is JSON.
std::optional<std::string_view> member(std::string_view object, std::string_view name);
