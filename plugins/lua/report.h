// Log lines of the bridge itself, in the name of the instance.
#pragma once

#include <postern/abi.h>

#include <string_view>

namespace postern::lua {

struct ScriptError;
struct Task;

void report(postern_instance instance, std::uint32_t level, std::string_view message);

// A script has failed: its error with file, line and traceback.
void report_failure(const Task& task, const ScriptError& error);

}  // namespace postern::lua
