#include "base/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/regex_options.h"

namespace postern {
namespace {

constexpr std::int64_t kMaxMemory = 2 << 20;  // of one expression: its program, and the states made while matching

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const re2::StringPiece& piece) { return {piece.data(), piece.size()}; }

std::string explanation(const re2::RE2& code) {
  const std::string& what = code.error_arg();
  if (code.error_code() == re2::RE2::ErrorBadPerlOp && what.starts_with("(?")) return "look-around is not supported";
  bool refers_back =
      code.error_code() == re2::RE2::ErrorBadEscape && what.size() == 2 && what[1] >= '1' && what[1] <= '9';
  if (refers_back) return "back references are not supported";
  std::string_view error = code.error();
  return std::string(error.substr(0, error.find(": ")));
}

std::string message_of(const re2::RE2& code, std::string_view pattern) {
  const std::string quoted = '"' + std::string(pattern) + '"';
  const std::string& what = code.error_arg();
  const std::size_t place = what.empty() || what == pattern ? std::string_view::npos : pattern.find(what);
  if (place == std::string_view::npos) return explanation(code) + ": " + quoted;
  return explanation(code) + ": \"" + what + "\" at character " + std::to_string(place + 1) + " of " + quoted;
}

// Goes through a pattern and tells where escapes, quotations and classes lie.
class PatternScan {
 public:
  explicit PatternScan(std::string_view pattern) : rest_(pattern) {}

  bool done() const noexcept { return rest_.empty(); }
  bool at_named_group() const noexcept {
    bool group = !quoted_ && !in_class_ && rest_.starts_with("(?<") && rest_.size() > 3;
    return group && rest_[3] != '=' && rest_[3] != '!';
  }
  std::string_view take(std::size_t count) {
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // The next byte, or all of an escape.
  std::string_view next() {
    if (quoted_) {
      quoted_ = !rest_.starts_with("\\E");
      return take(quoted_ ? 1 : 2);
    }
    if (rest_.front() == '\\') {
      quoted_ = rest_.starts_with("\\Q");
      return take(2);
    }
    if (in_class_) return next_of_class();
    if (rest_.front() != '[') return take(1);
    in_class_ = true;
    std::size_t opening = rest_.starts_with("[^") ? 2 : 1;
    if (rest_.substr(opening).starts_with(']')) ++opening;  // a first ] stands for itself
    return take(opening);
  }

 private:
  std::string_view next_of_class() {
    if (rest_.starts_with("[:"))
      if (auto end = rest_.find(":]"); end != std::string_view::npos) return take(end + 2);
    in_class_ = rest_.front() != ']';
    return take(1);
  }

  std::string_view rest_;
  bool quoted_ = false, in_class_ = false;
};

}  // namespace

std::string in_re2_spelling(std::string_view pattern) {
  std::string spelt;
  for (PatternScan scan(pattern); !scan.done();) {
    if (scan.at_named_group()) {
      scan.take(3);
      spelt += "(?P<";
    } else {
      spelt += scan.next();
    }
  }
  return spelt;
}

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kLongestPattern) return fail(Error::gateway("a regular expression has at most 4096 bytes"));
  auto code = std::make_shared<const re2::RE2>(in_re2_spelling(pattern), regex_options(kMaxMemory));
  if (!code->ok()) return fail(Error::gateway(message_of(*code, pattern)));
  const auto groups = static_cast<std::size_t>(code->NumberOfCapturingGroups());
  if (groups >= kMaxGroups) return fail(Error::gateway("a regular expression has at most 31 groups"));
  Regex regex;
  regex.pattern_ = pattern;
  regex.group_count_ = groups + 1;
  for (const auto& [name, number] : code->NamedCapturingGroups())
    regex.names_.emplace_back(name, static_cast<std::size_t>(number));
  regex.code_ = std::move(code);
  return regex;
}

bool Regex::matches(std::string_view text) const {
  return code_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

std::optional<bool> Regex::try_match(std::string_view text) const {
  return text.size() <= kLongestText ? std::optional(matches(text)) : std::nullopt;
}

bool Regex::search(std::string_view text, std::span<std::string_view> groups) const {
  std::array<re2::StringPiece, kMaxGroups> found;
  const auto count = std::min(group_count_, groups.size());
  if (!code_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, found.data(), static_cast<int>(count)))
    return false;
  std::fill(groups.begin(), groups.end(), std::string_view{});
  for (std::size_t i = 0; i < count; ++i) groups[i] = view(found[i]);
  return true;
}

}  // namespace postern
