#include "base/log.h"

#include <postern/text/json.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <utility>

#include "base/clock.h"

namespace postern {
namespace {

constexpr std::size_t kQueueLines = 4096;
constexpr std::array<std::string_view, 5> kLevelNames = {"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 5> kPaddedNames = {"TRACE", "DEBUG", "INFO ", "WARN ", "ERROR"};

// "2026-11-21T01:02:03.456Z" (RFC 3339)
void append_timestamp(std::string& out, std::uint64_t unix_ms) {
  auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  out.append(text.data(), size);
  std::snprintf(text.data(), text.size(), ".%03uZ", static_cast<unsigned>(unix_ms % 1000));
  out += text.data();
}

void append_value(std::string& out, std::string_view text) { append_json(out, text); }
void append_value(std::string& out, std::int64_t number) { out += std::to_string(number); }
// The shortest text that reads back the same; JSON has no infinities and no NaN.
void append_value(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}
void append_value(std::string& out, bool truth) { out += truth ? "true" : "false"; }

void append_json_member(std::string& out, std::string_view key, const LogField::Value& value) {
  out += ',';
  append_json(out, key);
  out += ':';
  std::visit([&](const auto& v) { append_value(out, v); }, value);
}

std::string json_line(LogLevel level, std::string_view module, std::string_view message,
                      std::span<const LogField> fields) {
  std::string line;
  line.reserve(256);
  line += "{\"timestamp\":\"";
  append_timestamp(line, system_clock().unix_ms());
  line += '"';
  append_json_member(line, "level", name_of(level));
  append_json_member(line, "module", module);
  append_json_member(line, "message", message);
  for (const auto& field : fields) append_json_member(line, field.key, field.value);
  line += '}';
  return line;
}

// Text needs quotes only where a reader could mistake its end.
bool is_word(std::string_view text) {
  auto plain = [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

void append_text_field(std::string& out, const LogField& field) {
  out += ' ';
  append_one_line(out, field.key);
  out += '=';
  const auto* text = std::get_if<std::string_view>(&field.value);
  if (text != nullptr && is_word(*text)) {
    out += *text;
  } else {
    std::visit([&](const auto& v) { append_value(out, v); }, field.value);
  }
}

std::string text_line(LogLevel level, std::string_view module, std::string_view message,
                      std::span<const LogField> fields) {
  std::string line;
  line.reserve(256);
  append_timestamp(line, system_clock().unix_ms());
  line += ' ';
  line += kPaddedNames[static_cast<std::size_t>(level)];
  line += ' ';
  append_one_line(line, module);
  line += ": ";
  append_one_line(line, message);
  for (const auto& field : fields) append_text_field(line, field);
  return line;
}

// Where lines go. Queued while it has a pool; its destruction waits until the queue is written.
struct Output {
  spdlog::sink_ptr sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::logger> writer;
  bool json = false;
};

std::shared_ptr<Output> make_output(spdlog::sink_ptr sink, bool json, bool queued) {
  auto output = std::make_shared<Output>();
  output->sink = std::move(sink);
  output->json = json;
  if (queued) {
    output->pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
    output->writer = std::make_shared<spdlog::async_logger>("postern", output->sink, output->pool,
                                                            spdlog::async_overflow_policy::overrun_oldest);
  } else {
    output->writer = std::make_shared<spdlog::logger>("postern", output->sink);
  }
  output->writer->set_pattern("%v");
  output->writer->set_level(spdlog::level::trace);
  output->writer->flush_on(
      spdlog::level::trace);  // by the log's own thread: a reader of the file sees every line at once
  return output;
}

Result<spdlog::sink_ptr> open_sink(const std::string& file) {
  if (file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
  } catch (const spdlog::spdlog_ex& error) {
    return fail(Error::gateway("log file \"" + file + "\": " + error.what()));
  }
}

struct Levels {
  LogLevel fallback = LogLevel::info;
  std::map<std::string, LogLevel, std::less<>> modules;

  // The rule of the module itself, else of the nearest one above it ("plugin" for "plugin.jwt").
  LogLevel of(std::string_view module) const {
    while (!module.empty()) {
      if (auto rule = modules.find(module); rule != modules.end()) return rule->second;
      auto dot = module.rfind('.');
      module = module.substr(0, dot == module.npos ? 0 : dot);
    }
    return fallback;
  }
};

// One word of POSTERN_LOG: LEVEL or MODULE=LEVEL.
Result<void> apply_word(Levels& levels, std::string_view word) {
  auto equals = word.find('=');
  bool has_module = equals != word.npos;
  auto level = parse_log_level(trim(has_module ? word.substr(equals + 1) : word));
  auto module = trim(has_module ? word.substr(0, equals) : "");
  if (!level || (has_module && module.empty())) {
    return fail(Error::gateway("POSTERN_LOG: \"" + std::string(word) +
                               "\": expected LEVEL or MODULE=LEVEL with level trace, debug, info, warn or error"));
  }
  if (has_module) {
    levels.modules[std::string(module)] = *level;
  } else {
    levels.fallback = *level;
  }
  return {};
}

Result<Levels> with_environment(Levels levels) {
  const char* variable = std::getenv("POSTERN_LOG");
  std::string_view rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    auto word = trim(take_piece(rest, ','));
    if (word.empty()) continue;
    if (auto applied = apply_word(levels, word); !applied) return fail(std::move(applied.error()));
  }
  return levels;
}

}  // namespace

// Every logger there is, their levels, and the output. Never destroyed: others may log while the process ends.
class LogRegistry {
 public:
  static LogRegistry& get() {
    static LogRegistry& registry = *new LogRegistry;
    return registry;
  }

  Logger& logger_of(std::string_view module) {
    std::lock_guard lock(mutex_);
    auto found = loggers_.find(module);
    if (found != loggers_.end()) return *found->second;
    auto made = std::make_unique<Logger>(std::string(module), levels_.of(module));
    return *loggers_.emplace(std::string(module), std::move(made)).first->second;
  }

  Result<void> configure(const LogConfig& config) {
    auto levels = with_environment({config.level, {config.modules.begin(), config.modules.end()}});
    if (!levels) return fail(std::move(levels.error()));
    auto sink = open_sink(config.file);
    if (!sink) return fail(std::move(sink.error()));
    replace_output(make_output(std::move(*sink), config.json, true));
    std::lock_guard lock(mutex_);
    levels_ = std::move(*levels);
    apply_levels();
    return {};
  }

  void set_level(std::string_view module, LogLevel level) {
    std::lock_guard lock(mutex_);
    if (module.empty()) {
      levels_.fallback = level;
    } else {
      levels_.modules[std::string(module)] = level;
    }
    apply_levels();
  }

  // Lines that come meanwhile go to the new output, so the old queue is finite.
  void drain(bool queue_again) {
    auto now = output();
    replace_output(make_output(now->sink, now->json, queue_again && now->pool != nullptr));
  }

  std::shared_ptr<Output> output() {
    std::lock_guard lock(mutex_);
    return output_;
  }

  std::uint64_t dropped() {
    std::lock_guard lock(mutex_);
    return dropped_ + (output_->pool ? output_->pool->overrun_counter() : 0);
  }

 private:
  LogRegistry() : output_(make_output(std::make_shared<spdlog::sinks::stderr_sink_mt>(), false, false)) {
    if (auto levels = with_environment({})) levels_ = std::move(*levels);  // configure() reports what is wrong with it
  }

  // Waits for the old queue outside the lock.
  void replace_output(std::shared_ptr<Output> next) {
    {
      std::lock_guard lock(mutex_);
      output_.swap(next);
      if (next->pool) dropped_ += next->pool->overrun_counter();
    }
    next.reset();
  }

  void apply_levels() {
    for (auto& [name, logger] : loggers_) logger->level_.store(levels_.of(name), std::memory_order_relaxed);
  }

  std::mutex mutex_;
  Levels levels_;
  std::map<std::string, std::unique_ptr<Logger>, std::less<>> loggers_;
  std::shared_ptr<Output> output_;  // shared with the threads that are writing a line right now
  std::uint64_t dropped_ = 0;       // by earlier outputs
};

void Logger::submit(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  auto output = LogRegistry::get().output();
  auto line = output->json ? json_line(level, module_, message, fields) : text_line(level, module_, message, fields);
  output->writer->log(spdlog::level::info, spdlog::string_view_t(line));
}

std::string_view name_of(LogLevel level) noexcept { return kLevelNames[static_cast<std::size_t>(level)]; }

std::optional<LogLevel> parse_log_level(std::string_view name) noexcept {
  if (name == "warning") return LogLevel::warn;
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

Logger& logger(std::string_view module) { return LogRegistry::get().logger_of(module); }

Result<void> configure_logging(const LogConfig& config) {
  static const int at_exit = std::atexit(shutdown_logging);  // a queued line must not be lost by an early exit
  static_cast<void>(at_exit);
  return LogRegistry::get().configure(config);
}

void set_level(std::string_view module, LogLevel level) { LogRegistry::get().set_level(module, level); }
void flush_logging() { LogRegistry::get().drain(true); }
void shutdown_logging() { LogRegistry::get().drain(false); }
std::uint64_t dropped_log_lines() noexcept { return LogRegistry::get().dropped(); }

}  // namespace postern
