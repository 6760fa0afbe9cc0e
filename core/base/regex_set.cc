#include "base/regex_set.h"

#include <re2/set.h>

#include <algorithm>

#include "base/regex_options.h"

namespace postern {
namespace {

thread_local std::vector<int> found;

}  // namespace

struct RegexSet::Shared {
  explicit Shared(std::int64_t max_memory) : set(regex_options(max_memory), re2::RE2::UNANCHORED) {}
  re2::RE2::Set set;
};

RegexSet::RegexSet(std::int64_t max_memory) : shared_(std::make_unique<Shared>(max_memory)) {}

RegexSet::~RegexSet() = default;

void RegexSet::add(const Regex& regex) {
  shared_->set.Add(in_re2_spelling(regex.pattern()), nullptr);
  all_.push_back(regex);
}

void RegexSet::compile() { compiled_ = shared_->set.Compile(); }

const std::vector<int>& RegexSet::matching(std::string_view text) const {
  found.clear();
  re2::RE2::Set::ErrorInfo error{re2::RE2::Set::kNoError};
  if (compiled_) shared_->set.Match({text.data(), text.size()}, &found, &error);
  if (compiled_ && error.kind == re2::RE2::Set::kNoError) {
    std::sort(found.begin(), found.end());
    return found;
  }
  found.clear();
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].matches(text)) found.push_back(static_cast<int>(i));
  return found;
}

}  // namespace postern
