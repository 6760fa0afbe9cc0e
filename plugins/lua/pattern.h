// Lua patterns (reference manual 6.4.1), matched with bounded work: Lua's own matcher can backtrack for hours inside one
// instruction, this one charges every step to the script's budget.
#pragma once

#include <lua.hpp>

#include <array>
#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

namespace postern::lua {

using CharSet = std::bitset<256>;

// A pattern taken apart.
class Pattern {
 public:
  enum class Kind : std::uint8_t { single, open, close, position, balance, frontier, back_reference, end };
  struct Item {
    Kind kind = Kind::single;
    char repeat = 0;                      // single: 0, '?', '*', '+' or '-'
    unsigned char first = 0, second = 0;  // balance: the two characters; back_reference: the capture's index
    CharSet set;                          // single, frontier
  };

  // Raises a Lua error on a malformed pattern. `anchors`: a leading '^' is an anchor.
  Pattern(lua_State* L, std::string_view text, bool anchors);

  bool anchored() const { return anchored_; }
  const std::vector<Item>& items() const { return items_; }

 private:
  void add_item(lua_State* L, std::string_view text, std::size_t& at);
  void add_escape(lua_State* L, std::string_view text, std::size_t& at);
  void add_single(const CharSet& set, std::string_view text, std::size_t& at);
  void open_capture(lua_State* L, Kind kind);
  void close_capture(lua_State* L);

  bool anchored_ = false;
  std::vector<Item> items_;
  std::vector<bool> closed_;  // per capture, while parsing
};

// One attempt after another to match a pattern with a subject.
class Matcher {
 public:
  static constexpr std::size_t kMaxCaptures = 32;

  Matcher(lua_State* L, const Pattern& pattern, std::string_view subject);

  // The end of the match that begins at `start`; null when there is none.
  const char* match(const char* start);
  // How many values push_captures() pushes: the captures, or the whole match when there are none.
  int capture_count() const { return level_ == 0 ? 1 : static_cast<int>(level_); }
  void push_capture(std::size_t index, const char* start, const char* end);
  int push_captures(const char* start, const char* end);
  bool explicit_captures() const { return level_ != 0; }
  bool has_capture(std::size_t index) const { return index < level_ || (index == 0 && level_ == 0); }

 private:
  static constexpr std::ptrdiff_t kOpen = -1, kPosition = -2;
  struct Capture {
    const char* start;
    std::ptrdiff_t size;
  };

  const char* run(std::size_t item, const char* at);
  const char* run_repeat(std::size_t item, const char* at);
  const char* run_greedy(std::size_t item, const char* at, std::size_t least);
  const char* run_lazy(std::size_t item, const char* at);
  const char* run_open(std::size_t item, const char* at, std::ptrdiff_t size);
  const char* run_close(std::size_t item, const char* at);
  const char* skip_balanced(const Pattern::Item& item, const char* at);
  const char* skip_reference(const Pattern::Item& item, const char* at);
  bool at_frontier(const Pattern::Item& item, const char* at) const;
  bool fits(const Pattern::Item& item, const char* at) const {
    return at < end_ && item.set[static_cast<unsigned char>(*at)];
  }
  void step();

  lua_State* L_;
  const std::vector<Pattern::Item>& items_;
  const char* begin_;
  const char* end_;
  std::uint32_t steps_ = 0;
  std::uint32_t depth_ = 0;
  std::size_t level_ = 0;
  std::array<Capture, kMaxCaptures> captures_;
};

}  // namespace postern::lua
