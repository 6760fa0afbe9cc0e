#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

namespace postern {
namespace {

constexpr std::uint32_t kMatchSteps = 100'000;
constexpr std::uint32_t kMatchDepth = 1'000;
constexpr std::uint32_t kHeapKilobytes = 4'096;

// What a match writes to. One for each thread, made at its first match.
class Scratch {
 public:
  Scratch()
      : data_(pcre2_match_data_create(Regex::kMaxGroups, nullptr)), context_(pcre2_match_context_create(nullptr)) {
    if (context_ == nullptr) return;
    pcre2_set_match_limit(context_, kMatchSteps);
    pcre2_set_depth_limit(context_, kMatchDepth);
    pcre2_set_heap_limit(context_, kHeapKilobytes);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    pcre2_match_data_free(data_);
    pcre2_match_context_free(context_);
  }
  bool usable() const noexcept { return data_ != nullptr && context_ != nullptr; }
  pcre2_match_data* data() const noexcept { return data_; }
  pcre2_match_context* context() const noexcept { return context_; }

 private:
  pcre2_match_data* data_;
  pcre2_match_context* context_;
};

Scratch& scratch() {
  thread_local Scratch instance;
  return instance;
}

// The number of groups set, or a negative PCRE2_ERROR_*, of which PCRE2_ERROR_NOMATCH alone means that there is no match.
int try_run(const pcre2_code* code, std::string_view text) {
  Scratch& s = scratch();
  if (!s.usable()) return PCRE2_ERROR_NOMEMORY;
  auto* subject = reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
  return pcre2_match(code, subject, text.size(), 0, 0, s.data(), s.context());
}

// The number of groups set, 0 when there is no match or it is refused.
int run(const pcre2_code* code, std::string_view text) { return std::max(0, try_run(code, text)); }

std::string message_of(int error, std::size_t offset, std::string_view pattern) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return std::string(reinterpret_cast<const char*>(text.data())) + " at character " + std::to_string(offset + 1) +
         " of \"" + std::string(pattern) + "\"";
}

std::vector<std::pair<std::string, std::size_t>> names_of(const pcre2_code* code) {
  std::uint32_t count = 0, entry_size = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count);
  pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
  pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
  std::vector<std::pair<std::string, std::size_t>> names;
  for (std::uint32_t i = 0; i < count; ++i, table += entry_size) {  // each entry: the number in two bytes, the name
    std::size_t number = static_cast<std::size_t>(table[0]) << 8 | table[1];
    names.emplace_back(reinterpret_cast<const char*>(table + 2), number);
  }
  return names;
}

}  // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const noexcept { pcre2_code_free(code); }

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kLongestPattern) return fail(Error::gateway("a regular expression has at most 4096 bytes"));
  // Subjects are bytes, not always UTF-8, so a pattern must not switch UTF mode on.
  constexpr std::uint32_t kOptions = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
  int error = 0;
  PCRE2_SIZE offset = 0;
  Regex regex;
  regex.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.empty() ? "" : pattern.data()), pattern.size(),
                                  kOptions, &error, &offset, nullptr));
  if (!regex.code_) return fail(Error::gateway(message_of(error, offset, pattern)));
  std::uint32_t groups = 0;
  pcre2_pattern_info(regex.code_.get(), PCRE2_INFO_CAPTURECOUNT, &groups);
  if (groups >= kMaxGroups) return fail(Error::gateway("a regular expression has at most 31 groups"));
  pcre2_jit_compile(regex.code_.get(), PCRE2_JIT_COMPLETE);  // where it is not available matching is only slower
  regex.pattern_ = pattern;
  regex.group_count_ = groups + 1;
  regex.names_ = names_of(regex.code_.get());
  return regex;
}

bool Regex::matches(std::string_view text) const { return run(code_.get(), text) > 0; }

std::optional<bool> Regex::try_match(std::string_view text) const {
  int count = try_run(code_.get(), text);
  return count > 0 || count == PCRE2_ERROR_NOMATCH ? std::optional(count > 0) : std::nullopt;
}

bool Regex::search(std::string_view text, std::span<std::string_view> groups) const {
  int count = run(code_.get(), text);
  if (count == 0) return false;
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(scratch().data());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    bool set = i < static_cast<std::size_t>(count) && ends[2 * i] != PCRE2_UNSET && ends[2 * i] <= ends[2 * i + 1];
    groups[i] = set ? text.substr(ends[2 * i], ends[2 * i + 1] - ends[2 * i]) : std::string_view();
  }
  return true;
}

}  // namespace postern
