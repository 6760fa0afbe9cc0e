// The `when` expressions: which exchanges a plugin runs for.
//
//   request.method == "GET" && (path starts_with "/api" || !header.x-debug) && consumer.tier in ["gold", "pro"]
//
//   expression   and-terms joined by ||
//   and-term     terms joined by &&
//   term         ! term | ( expression ) | variable | variable comparison operand
//   comparison   == != < <= > >= starts_with ends_with contains matches in
//   operand      literal | variable; after `in` a list: [literal, ...]
//   literal      "text" 'text' -12 true false; in double quotes \" and \\ are escapes
//
// A bare variable is true when it is set and neither empty, false, 0, "false" nor "0". An unset variable compares as the
// empty text: `consumer.id == ""` holds exactly for clients without identity. < <= > >= compare numbers: what is unset or no
// number makes them false. == and != compare numbers with numbers as numbers, all else as text. `matches` is a regular
// expression (bounded: base/regex.h), compiled once. method, path, host, query, scheme, header.NAME, cookie.NAME stand for
// request.*.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/variables.h"

namespace postern::proxy {

// Immutable after compile; for any thread.
class Condition {
 public:
  static constexpr std::size_t kLongest = 8 * 1024;
  static constexpr int kDepth = 32;

  // Errors name the column, from 1: `column 16: expected a value after "==", found the end`.
  static Result<Condition> compile(std::string_view text);

  Condition(Condition&&) noexcept;
  Condition& operator=(Condition&&) noexcept;
  ~Condition();

  // unjudged: a regular expression met a text beyond its bounds and the rest of the condition does not decide it. Whoever asks then
  // refuses: a client must not decide that a guard is passed over.
  enum class Answer : std::uint8_t { no, yes, unjudged };
  Answer holds(const VariableReader& reader) const;   // allocates nothing
  std::vector<VariableId> variables() const;          // each once, in order of appearance
  std::vector<VariableId> unequal_variables() const;  // those that it compares with !=
  // It holds only where `other` does, as far as their words tell: they are the same, or it joins `other` to more by &&.
  bool implies(const Condition& other) const;
  const std::string& text() const noexcept { return text_; }

  struct Term;  // condition.cc

 private:
  Condition();

  std::string text_;
  std::vector<Term> terms_;  // a tree in one vector; the last is the root
};

}  // namespace postern::proxy
