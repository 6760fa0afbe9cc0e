// Value and Variable: how plugins, templates and logs speak of an exchange. Log: structured lines with typed fields.
#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>

#include "postern/detail/host.h"

namespace postern {

// A typed value. The string is a view: of the gateway's memory when it was read, of the caller's when it is passed in.
class Value {
 public:
  Value() = default;
  Value(std::string_view text) { raw_.type = POSTERN_VALUE_STRING, raw_.string = detail::to_str(text); }
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(std::same_as<bool> auto truth) { raw_.type = POSTERN_VALUE_BOOL, raw_.integer = truth ? 1 : 0; }
  Value(std::integral auto integer) requires(!std::same_as<decltype(integer), bool>) {
    raw_.type = POSTERN_VALUE_INT, raw_.integer = static_cast<std::int64_t>(integer);
  }
  Value(std::floating_point auto number) {
    raw_.type = POSTERN_VALUE_DOUBLE, raw_.number = static_cast<double>(number);
  }
  explicit Value(const postern_value& raw) : raw_(raw) {}

  const postern_value& raw() const { return raw_; }
  bool exists() const { return raw_.type != POSTERN_VALUE_NONE; }
  explicit operator bool() const { return exists(); }
  bool is_string() const { return raw_.type == POSTERN_VALUE_STRING; }

  std::optional<std::string_view> string() const {
    if (raw_.type != POSTERN_VALUE_STRING) return std::nullopt;
    return detail::to_view(raw_.string);
  }
  std::optional<std::int64_t> integer() const {
    if (raw_.type != POSTERN_VALUE_INT) return std::nullopt;
    return raw_.integer;
  }
  std::optional<double> number() const {
    if (raw_.type == POSTERN_VALUE_INT) return static_cast<double>(raw_.integer);
    if (raw_.type != POSTERN_VALUE_DOUBLE) return std::nullopt;
    return raw_.number;
  }
  std::optional<bool> boolean() const {
    if (raw_.type != POSTERN_VALUE_BOOL) return std::nullopt;
    return raw_.integer != 0;
  }

 private:
  postern_value raw_ = {};
};

// A variable by its number: made once in configure, used for every exchange without comparing strings.
class Variable {
 public:
  Variable() = default;
  explicit Variable(std::string_view name) : id_(detail::host.exchange->variable_id(detail::to_str(name))) {}
  bool valid() const { return id_ != 0; }  // false: the name is malformed
  std::uint32_t id() const { return id_; }

 private:
  std::uint32_t id_ = 0;
};

// One field of a log line: {"key", value}.
struct Field : postern_log_field {
  Field(std::string_view name, const Value& content) : postern_log_field{detail::to_str(name), content.raw()} {}
};
static_assert(sizeof(Field) == sizeof(postern_log_field));

// The log of one instance, module "plugin.NAME". Usable on any thread for as long as the instance lives.
class Log {
 public:
  Log() = default;
  explicit Log(postern_instance instance) : instance_(instance) {}

  bool enabled(std::uint32_t level) const { return detail::host.log->enabled(instance_, level) != 0; }
  void write(std::uint32_t level, std::string_view message, std::initializer_list<Field> fields = {}) const {
    if (!enabled(level)) return;
    detail::host.log->write(instance_, level, detail::to_str(message), fields.begin(), fields.size());
  }
  using Fields = std::initializer_list<Field>;
  void trace(std::string_view message, Fields fields = {}) const { write(POSTERN_LOG_TRACE, message, fields); }
  void debug(std::string_view message, Fields fields = {}) const { write(POSTERN_LOG_DEBUG, message, fields); }
  void info(std::string_view message, Fields fields = {}) const { write(POSTERN_LOG_INFO, message, fields); }
  void warn(std::string_view message, Fields fields = {}) const { write(POSTERN_LOG_WARN, message, fields); }
  void error(std::string_view message, Fields fields = {}) const { write(POSTERN_LOG_ERROR, message, fields); }

 private:
  postern_instance instance_ = nullptr;
};

// The instance as the gateway knows it: what timers, calls and jobs belong to. Copyable.
class Instance {
 public:
  Instance() = default;
  explicit Instance(postern_instance raw) : raw_(raw) {}
  postern_instance raw() const { return raw_; }
  std::string_view name() const { return detail::to_view(detail::host.instance->name_view(raw_)); }
  std::string_view scope() const { return detail::to_view(detail::host.instance->scope_view(raw_)); }
  bool is_gateway_wide() const { return scope() == "gateway"; }
  // `_: {mode: shadow}`: the hooks run and change nothing, so what they would have done is not to be counted or logged as done.
  bool is_shadow() const { return POSTERN_OFFERS(instance, is_shadow) && detail::host.instance->is_shadow(raw_) != 0; }
  Log log() const { return Log(raw_); }

 private:
  postern_instance raw_ = nullptr;
};

}  // namespace postern
