#include "report.h"

#include "host.h"
#include "state.h"

namespace postern::lua {
namespace {

postern_log_field text_field(std::string_view key, std::string_view text) {
  postern_log_field field{};
  field.key = to_str(key);
  field.value.type = POSTERN_VALUE_STRING;
  field.value.string = to_str(text);
  return field;
}

}  // namespace

void report(postern_instance instance, std::uint32_t level, std::string_view message) {
  if (instance == nullptr) return;
  host().log->write(instance, level, to_str(message), nullptr, 0);
}

void report_failure(const Task& task, const ScriptError& error) {
  postern_instance instance = task.state->instance();
  if (instance == nullptr) return;
  const postern_log_field fields[] = {text_field("hook", phase_name(task.phase)),
                                      text_field("traceback", error.traceback)};
  host().log->write(instance, POSTERN_LOG_ERROR, to_str(error.message), fields, 2);
}

}  // namespace postern::lua
