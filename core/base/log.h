// The gateway's log: levels per module, fields, JSON lines or text. Writing hands the line to a thread of its own, with
// a bounded queue that drops the oldest lines when the disk is slow. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/result.h"

namespace postern {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

std::string_view name_of(LogLevel level) noexcept;                        // "info"
std::optional<LogLevel> parse_log_level(std::string_view name) noexcept;  // also "warning"; nothing for other words

// One key and its value; views, valid during the call they are given to.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, double, bool>;

  template <class T>
  LogField(std::string_view name, const T& given) : key(name), value(value_of(given)) {}

  std::string_view key;
  Value value;

 private:
  template <class T>
  static Value value_of(const T& given) {
    if constexpr (std::is_same_v<T, bool>) {
      return Value(std::in_place_type<bool>, given);
    } else if constexpr (std::is_integral_v<T>) {
      return Value(std::in_place_type<std::int64_t>, static_cast<std::int64_t>(given));
    } else if constexpr (std::is_floating_point_v<T>) {
      return Value(std::in_place_type<double>, static_cast<double>(given));
    } else {
      return Value(std::in_place_type<std::string_view>, given);
    }
  }
};

class Logger {
 public:
  explicit Logger(std::string module, LogLevel level) : module_(std::move(module)), level_(level) {}
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const noexcept { return level >= level_.load(std::memory_order_relaxed); }
  // Message and fields may hold anything, hostile bytes included: a line stays one line. Keys repeat at the caller's
  // risk.
  void write(LogLevel level, std::string_view message, std::span<const LogField> fields) {
    if (enabled(level)) submit(level, message, fields);
  }
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(level)) submit(level, message, {fields.begin(), fields.size()});
  }
  const std::string& module() const noexcept { return module_; }

 private:
  friend class LogRegistry;
  void submit(LogLevel level, std::string_view message, std::span<const LogField> fields);

  const std::string module_;
  std::atomic<LogLevel> level_;
};

struct LogConfig {
  LogLevel level = LogLevel::info;
  std::map<std::string, LogLevel> modules;  // "plugin.jwt": debug; holds for "plugin.jwt.x" too
  std::string file;                         // empty: standard error
  bool json = true;
};

// The logger of a module ("server", "plugin.jwt"), kept for ever. Before configure_logging: info, text, standard error.
Logger& logger(std::string_view module);

// Replaces levels and destination, for existing loggers too. The environment variable POSTERN_LOG
// ("info,plugin.jwt=debug") wins over `config`. An error leaves everything as it was and names the file or the word.
Result<void> configure_logging(const LogConfig& config);
void set_level(std::string_view module, LogLevel level);  // from now on, until set or configured again
void flush_logging();                                     // waits until everything written so far is out
void shutdown_logging();                                  // flushes and ends the thread; later lines go out unqueued
std::uint64_t dropped_log_lines() noexcept;               // since start, because the queue was full

}  // namespace postern
