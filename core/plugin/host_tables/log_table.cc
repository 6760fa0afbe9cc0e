// "log": structured lines of the module "plugin.NAME".
#include <vector>

#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

constexpr std::uint64_t kMaxMessage = 64 * 1024;
constexpr std::uint64_t kMaxFields = 64;

LogLevel level_of(std::uint32_t level) noexcept {
  return level > POSTERN_LOG_ERROR ? LogLevel::error : static_cast<LogLevel>(level);
}
static_assert(static_cast<int>(LogLevel::trace) == POSTERN_LOG_TRACE &&
              static_cast<int>(LogLevel::error) == POSTERN_LOG_ERROR);

// Loggers are found by name under a lock, so an instance keeps its own.
Logger& logger_of(postern_instance instance) {
  Logger* known = instance->logger.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  Logger& found = logger(instance->log_module);
  instance->logger.store(&found, std::memory_order_release);
  return found;
}

LogField to_field(const postern_log_field& field) {
  std::string_view key = usable(field.key, kMaxMessage) ? view(field.key) : std::string_view{};
  switch (field.value.type) {
    case POSTERN_VALUE_INT:
      return {key, field.value.integer};
    case POSTERN_VALUE_DOUBLE:
      return {key, field.value.number};
    case POSTERN_VALUE_BOOL:
      return {key, field.value.integer != 0};
    case POSTERN_VALUE_STRING:
      break;
    default:
      return {key, std::string_view{}};
  }
  return {key, usable(field.value.string, kMaxMessage) ? view(field.value.string) : std::string_view{}};
}

// What the plugin has said already stays its own.
void add_unless_said(std::vector<LogField>& list, std::string_view key, std::string_view value) {
  auto says_it = [key](const LogField& field) { return field.key == key; };
  if (!value.empty() && std::none_of(list.begin(), list.end(), says_it)) list.push_back({key, value});
}

// Which exchange the line is about: the one for which the plugin's code runs, in a hook or in a callback.
void add_exchange(std::vector<LogField>& list) {
  static const proxy::VariableId request_id = proxy::variable_id("request_id");
  with_exchange(current_exchange(), [&](const proxy::Exchange& x) {
    if (x.route() != nullptr) add_unless_said(list, "route", x.route()->config->id);
    add_unless_said(list, "request_id", x.variable(request_id).string);
    return POSTERN_OK;
  });
}

std::int32_t enabled(postern_instance instance, std::uint32_t level) noexcept {
  return instance != nullptr && logger_of(instance).enabled(level_of(level)) ? 1 : 0;
}

void write(postern_instance instance, std::uint32_t level, postern_str message, const postern_log_field* fields,
           std::uint64_t field_count) noexcept {
  if (enabled(instance, level) == 0 || (message.ptr == nullptr && message.len > 0)) return;
  std::vector<LogField> list;
  if (fields == nullptr) field_count = 0;
  list.reserve(std::min(field_count, kMaxFields) + 4);
  for (std::uint64_t i = 0; i < std::min(field_count, kMaxFields); ++i) list.push_back(to_field(fields[i]));
  bool has_other_name = instance->name != instance->plugin;
  if (has_other_name) list.push_back({"instance", instance->name});
  if (instance->use != nullptr && instance->use->shadow) list.push_back({"mode", "shadow"});
  add_exchange(list);
  logger_of(instance).write(level_of(level), view(message).substr(0, kMaxMessage), list);
}

}  // namespace

const postern_log_table& log_table() {
  static const postern_log_table table{sizeof(table), 1, &enabled, &write};
  return table;
}

}  // namespace postern::plugin
