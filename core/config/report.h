// How problems are worded: what is shown of a value, and how many are kept.
#pragma once

#include <string>
#include <string_view>

#include "config/node.h"

namespace postern::config {

// Keeps the first 200; one more says that there are more.
void add_problem(Problems& problems, Position position, std::string path, std::string text);
bool is_full(const Problems& problems);  // further problems would not be kept

// In quotes, at most 60 bytes, control characters escaped.
std::string shown(std::string_view text);
// A value as the operator wrote it: `"abc"`, `30`, `a list`; `a secret` when it must not be shown.
std::string shown(const Node& node);

// " (did you mean \"x\"?)", or empty when no known name is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);
// "a, b or c"
std::string listed(const std::vector<std::string>& words);

}  // namespace postern::config
