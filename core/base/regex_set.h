// Many regular expressions that are asked about one text at once: 500 of them cost about as much as one.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/regex.h"

namespace re2 {
class RE2;
}

namespace postern {

// Filled, then compiled, then immutable and for any thread.
class RegexSet {
 public:
  static constexpr std::int64_t kMaxMemory = 16 << 20;  // of the automaton that all share

  explicit RegexSet(std::int64_t max_memory = kMaxMemory);
  RegexSet(const RegexSet&) = delete;
  RegexSet& operator=(const RegexSet&) = delete;
  ~RegexSet();

  void add(const Regex& regex);
  void compile();  // after the last one

  // The numbers of those that match, in the order of adding, in a list that the next call on this thread overwrites. Where the shared
  // automaton has run out of memory they are matched one after another: no text makes any of them be passed over.
  const std::vector<int>& matching(std::string_view text) const;

 private:
  struct Shared;

  std::unique_ptr<Shared> shared_;
  std::vector<Regex> all_;
  bool compiled_ = false;  // false: not even the program had room
};

}  // namespace postern
