// Pieces of the Prometheus text format 0.0.4: names, escaping, numbers. No state.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace postern::metrics_text {

bool is_metric_name(std::string_view name) noexcept;  // [a-zA-Z_:][a-zA-Z0-9_:]*, 200 bytes at most
bool is_label_name(std::string_view name) noexcept;   // [a-zA-Z_][a-zA-Z0-9_]*, not "__...", 200 bytes at most

// Valid UTF-8 of `max_bytes` at most: what is no UTF-8 becomes U+FFFD, what is too long is cut between characters.
std::string clean(std::string_view text, std::size_t max_bytes);

void append_help(std::string& out, std::string_view help);          // escapes \ and line feed
void append_label_value(std::string& out, std::string_view value);  // escapes \, " and line feed; without the quotes
void append_number(std::string& out, double value);                 // "3", "0.25", "+Inf", "NaN"
// name="value",name="value"; empty for no labels. As many values as names.
std::string label_pairs(std::span<const std::string> names, std::span<const std::string> values);

}  // namespace postern::metrics_text
