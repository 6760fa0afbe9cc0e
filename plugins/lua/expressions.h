// The conditions that a script declares, by the names that it gives them: compiled once for an instance, judged on all workers.
#pragma once

#include <postern/abi.h>

#include <functional>
#include <map>
#include <string>

namespace postern::lua {

using Expressions = std::map<std::string, postern_expression, std::less<>>;

}  // namespace postern::lua
