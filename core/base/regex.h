// Regular expressions (RE2 on bytes): what a match costs grows with the text alone, whatever the expression and whoever sends the text.
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

namespace re2 {
class RE2;
}

namespace postern {

// Compiled once, immutable, for any thread. "^" and "$" anchor; without them a match may lie anywhere in the text.
class Regex {
 public:
  static constexpr std::size_t kLongestPattern = 4096;
  static constexpr std::size_t kLongestText = 256 * 1024;  // longer than any head of a request
  static constexpr std::size_t kMaxGroups = 32;            // the whole match counted

  // RE2's syntax, and "(?<name>...)" for a named group. Errors name the place, and what RE2 leaves out: `missing ): "^/(abc"`,
  // `look-around is not supported: "(?=" at character 3 of "^/(?=a)"`.
  static Result<Regex> compile(std::string_view pattern);

  bool matches(std::string_view text) const;
  // The same for a text of any origin; nothing when it is longer than kLongestText, which is not looked at.
  std::optional<bool> try_match(std::string_view text) const;
  // The same; `groups` gets the whole match and the numbered groups, unset ones as empty. Further ones are left out.
  bool search(std::string_view text, std::span<std::string_view> groups) const;

  std::size_t group_count() const noexcept { return group_count_; }  // with the whole match
  // Named groups and their numbers.
  const std::vector<std::pair<std::string, std::size_t>>& names() const noexcept { return names_; }
  const std::string& pattern() const noexcept { return pattern_; }  // as it was written

 private:
  Regex() = default;

  std::shared_ptr<const re2::RE2> code_;
  std::string pattern_;
  std::size_t group_count_ = 1;
  std::vector<std::pair<std::string, std::size_t>> names_;
};

// The pattern in RE2's own spelling: "(?<name>" becomes "(?P<name>", but not in classes and quotations.
std::string in_re2_spelling(std::string_view pattern);

}  // namespace postern
