// Variables: how plugins, templates, conditions and logs speak of an exchange. Typed and named; every name has one number
// for the life of the process, so that a lookup on the request path compares no strings.
//
// Those that the gateway provides, which plugins cannot set, are listed in builtin_variables.cc. Everything else is set by
// plugins: consumer.id, jwt.claims, ...
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::proxy {

struct Value {
  enum class Kind : std::uint8_t { none, string, integer, number, boolean };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  // integer; boolean as 0 or 1
  double number = 0;
  std::string_view string;  // valid as long as the exchange does not change

  static Value of(std::string_view text) { return {Kind::string, 0, 0, text}; }
  static Value of(std::int64_t i) { return {Kind::integer, i, 0, {}}; }
  static Value of(double d) { return {Kind::number, 0, d, {}}; }
  static Value of(bool b) { return {Kind::boolean, b ? 1 : 0, 0, {}}; }
};

using VariableId = std::uint32_t;

// [any thread] 0 when the name is malformed (abi.h, variable_id) or 65,535 names are in use.
VariableId variable_id(std::string_view name);

struct BuiltinVariable;

struct VariableInfo {
  const BuiltinVariable* builtin = nullptr;  // null: a plugin's variable
  std::string_view argument;                 // NAME of the families
  std::string_view name;
};

inline constexpr std::size_t kMaxVariableNames = 65'536;
namespace detail {
// By number. Written once, never changed and never freed, so that readers need no lock.
extern std::array<std::atomic<const VariableInfo*>, kMaxVariableNames> variables;
}  // namespace detail

// [any thread] What it gives lives for ever; null when variable_id has not given that number out.
inline const VariableInfo* find_variable(VariableId id) noexcept {
  return id < kMaxVariableNames ? detail::variables[id].load(std::memory_order_acquire) : nullptr;
}
inline const VariableInfo& variable_info(VariableId id) noexcept { return *find_variable(id); }  // id must be valid
inline std::string_view variable_name(VariableId id) noexcept { return variable_info(id).name; }

// Something that has variables: an exchange, or a test's table.
class VariableReader {
 public:
  virtual Value variable(VariableId id) const = 0;  // Kind::none when unset or unknown

 protected:
  ~VariableReader() = default;
};

}  // namespace postern::proxy
