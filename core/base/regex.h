// Regular expressions (PCRE2, bytes, no UTF mode) with bounds on the work that one match may cost.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

struct pcre2_real_code_8;

namespace postern {

// Compiled once, immutable, for any thread. "^" and "$" anchor; without them a match may lie anywhere in the text.
class Regex {
 public:
  static constexpr std::size_t kLongestPattern = 4096;
  static constexpr std::size_t kMaxGroups = 32;  // the whole match counted

  // Errors name the place: `missing closing parenthesis at character 7 of "^/(abc"`.
  static Result<Regex> compile(std::string_view pattern);

  // A match that exceeds its bounds (100,000 steps of matching, 1,000 of nesting) counts as none.
  bool matches(std::string_view text) const;
  // The same; nothing when the bounds were exceeded, so that nobody knows.
  std::optional<bool> try_match(std::string_view text) const;
  // The same; `groups` gets the whole match and the numbered groups, unset ones as empty. Further ones are left out.
  bool search(std::string_view text, std::span<std::string_view> groups) const;

  std::size_t group_count() const noexcept { return group_count_; }  // with the whole match
  // Named groups and their numbers.
  const std::vector<std::pair<std::string, std::size_t>>& names() const noexcept { return names_; }
  const std::string& pattern() const noexcept { return pattern_; }

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const noexcept;
  };
  Regex() = default;

  std::unique_ptr<pcre2_real_code_8, Free> code_;
  std::string pattern_;
  std::size_t group_count_ = 1;
  std::vector<std::pair<std::string, std::size_t>> names_;
};

}  // namespace postern
