#include "pattern.h"

#include <cctype>
#include <cstring>

#include "budget.h"

namespace postern::lua {
namespace {

constexpr std::uint32_t kStepsPerCharge = 1'000;
constexpr std::uint32_t kMaxDepth = 200;
constexpr std::size_t kMaxPattern = 32u << 10;  // its items lie outside the state's memory

CharSet set_where(int (*is)(int)) {
  CharSet set;
  for (int c = 0; c < 256; ++c) set[static_cast<std::size_t>(c)] = is(c) != 0;
  return set;
}

// The set of the class letter, as in %a; upper case is the complement. False when the letter names no class.
bool class_set(char letter, CharSet& set) {
  struct Class {
    char letter;
    CharSet set;
  };
  static const std::array<Class, 10> kClasses{{{'a', set_where(std::isalpha)},
                                               {'c', set_where(std::iscntrl)},
                                               {'d', set_where(std::isdigit)},
                                               {'g', set_where(std::isgraph)},
                                               {'l', set_where(std::islower)},
                                               {'p', set_where(std::ispunct)},
                                               {'s', set_where(std::isspace)},
                                               {'u', set_where(std::isupper)},
                                               {'w', set_where(std::isalnum)},
                                               {'x', set_where(std::isxdigit)}}};
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  for (const Class& known : kClasses) {
    if (known.letter != lower) continue;
    set = lower == letter ? known.set : ~known.set;
    return true;
  }
  return false;
}

CharSet escaped_set(char letter) {
  CharSet set;
  if (!class_set(letter, set)) set.set(static_cast<unsigned char>(letter));
  return set;
}

// Parses "[...]" from the bracket on; leaves `at` behind it.
CharSet bracket_set(lua_State* L, std::string_view text, std::size_t& at) {
  CharSet set;
  ++at;
  const bool complement = at < text.size() && text[at] == '^';
  if (complement) ++at;
  const std::size_t first = at;
  for (; at < text.size() && (text[at] != ']' || at == first); ++at) {
    if (text[at] == '%' && at + 1 < text.size()) {
      set |= escaped_set(text[++at]);
    } else if (at + 2 < text.size() && text[at + 1] == '-' && text[at + 2] != ']') {
      for (int c = static_cast<unsigned char>(text[at]); c <= static_cast<unsigned char>(text[at + 2]); ++c)
        set.set(static_cast<std::size_t>(c));
      at += 2;
    } else {
      set.set(static_cast<unsigned char>(text[at]));
    }
  }
  if (at >= text.size()) luaL_error(L, "malformed pattern (missing ']')");
  ++at;
  return complement ? ~set : set;
}

}  // namespace

Pattern::Pattern(lua_State* L, std::string_view text, bool anchors) {
  if (text.size() > kMaxPattern) luaL_error(L, "pattern of more than %d bytes", static_cast<int>(kMaxPattern));
  charge(L, text.size() / 4);
  std::size_t at = 0;
  if (anchors && !text.empty() && text[0] == '^') {
    anchored_ = true;
    ++at;
  }
  items_.reserve(text.size() < 64 ? text.size() : 64);
  while (at < text.size()) add_item(L, text, at);
  for (bool closed : closed_)
    if (!closed) luaL_error(L, "unfinished capture");
}

void Pattern::add_item(lua_State* L, std::string_view text, std::size_t& at) {
  switch (text[at]) {
    case '(':
      if (at + 1 < text.size() && text[at + 1] == ')') {
        open_capture(L, Kind::position);
        at += 2;
      } else {
        open_capture(L, Kind::open);
        at += 1;
      }
      return;
    case ')':
      close_capture(L);
      at += 1;
      return;
    case '$':
      if (at + 1 == text.size()) {
        items_.emplace_back().kind = Kind::end;
        at += 1;
        return;
      }
      break;
    case '%':
      return add_escape(L, text, at);
    case '[': {
      const CharSet set = bracket_set(L, text, at);
      return add_single(set, text, at);
    }
    case '.':
      return add_single(CharSet().set(), text, ++at);
    default:
      break;
  }
  CharSet set;
  set.set(static_cast<unsigned char>(text[at]));
  add_single(set, text, ++at);
}

void Pattern::add_escape(lua_State* L, std::string_view text, std::size_t& at) {
  if (at + 1 >= text.size()) luaL_error(L, "malformed pattern (ends with '%%')");
  const char letter = text[at + 1];
  at += 2;
  if (letter == 'b') {
    if (at + 1 >= text.size()) luaL_error(L, "malformed pattern (missing arguments to '%%b')");
    Item& item = items_.emplace_back();
    item.kind = Kind::balance;
    item.first = static_cast<unsigned char>(text[at]);
    item.second = static_cast<unsigned char>(text[at + 1]);
    at += 2;
  } else if (letter == 'f') {
    if (at >= text.size() || text[at] != '[') luaL_error(L, "missing '[' after '%%f' in pattern");
    const CharSet set = bracket_set(L, text, at);
    Item& item = items_.emplace_back();
    item.kind = Kind::frontier;
    item.set = set;
  } else if (std::isdigit(static_cast<unsigned char>(letter))) {
    const std::size_t index = static_cast<std::size_t>(letter - '1');
    if (letter == '0' || index >= closed_.size() || !closed_[index])
      luaL_error(L, "invalid capture index %%%c", letter);
    Item& item = items_.emplace_back();
    item.kind = Kind::back_reference;
    item.first = static_cast<unsigned char>(index);
  } else {
    add_single(escaped_set(letter), text, at);
  }
}

void Pattern::add_single(const CharSet& set, std::string_view text, std::size_t& at) {
  Item& item = items_.emplace_back();
  item.set = set;
  if (at < text.size() && std::strchr("?*+-", text[at]) != nullptr && text[at] != '\0') item.repeat = text[at++];
}

void Pattern::open_capture(lua_State* L, Kind kind) {
  if (closed_.size() == Matcher::kMaxCaptures) luaL_error(L, "too many captures");
  closed_.push_back(kind == Kind::position);
  items_.emplace_back().kind = kind;
}

void Pattern::close_capture(lua_State* L) {
  std::size_t index = closed_.size();
  while (index > 0 && closed_[index - 1]) --index;
  if (index == 0) luaL_error(L, "invalid pattern capture");
  closed_[index - 1] = true;
  Item& item = items_.emplace_back();
  item.kind = Kind::close;
  item.first = static_cast<unsigned char>(index - 1);
}

Matcher::Matcher(lua_State* L, const Pattern& pattern, std::string_view subject)
    : L_(L), items_(pattern.items()), begin_(subject.data()), end_(subject.data() + subject.size()) {}

const char* Matcher::match(const char* start) {
  level_ = 0;
  depth_ = 0;
  return run(0, start);
}

void Matcher::step() {
  if (++steps_ % kStepsPerCharge == 0) charge(L_, kStepsPerCharge);
}

// Recursion goes by items with a choice, so its depth is bounded by the pattern; long patterns of that kind are refused.
const char* Matcher::run(std::size_t item, const char* at) {
  for (; item < items_.size(); ++item) {
    step();
    const Pattern::Item& now = items_[item];
    switch (now.kind) {
      case Pattern::Kind::single:
        if (now.repeat != 0) return run_repeat(item, at);
        if (!fits(now, at)) return nullptr;
        ++at;
        break;
      case Pattern::Kind::open:
        return run_open(item, at, kOpen);
      case Pattern::Kind::position:
        return run_open(item, at, kPosition);
      case Pattern::Kind::close:
        return run_close(item, at);
      case Pattern::Kind::balance:
        if ((at = skip_balanced(now, at)) == nullptr) return nullptr;
        break;
      case Pattern::Kind::frontier:
        if (!at_frontier(now, at)) return nullptr;
        break;
      case Pattern::Kind::back_reference:
        if ((at = skip_reference(now, at)) == nullptr) return nullptr;
        break;
      case Pattern::Kind::end:
        if (at != end_) return nullptr;
        break;
    }
  }
  return at;
}

const char* Matcher::run_repeat(std::size_t item, const char* at) {
  if (++depth_ > kMaxDepth) luaL_error(L_, "pattern too complex");
  const char* end = nullptr;
  switch (items_[item].repeat) {
    case '*':
      end = run_greedy(item, at, 0);
      break;
    case '+':
      end = run_greedy(item, at, 1);
      break;
    case '-':
      end = run_lazy(item, at);
      break;
    default:  // '?'
      if (fits(items_[item], at)) end = run(item + 1, at + 1);
      if (end == nullptr) end = run(item + 1, at);
  }
  --depth_;
  return end;
}

const char* Matcher::run_greedy(std::size_t item, const char* at, std::size_t least) {
  std::size_t count = 0;
  for (; fits(items_[item], at + count); ++count) step();
  for (; count + 1 > least; --count) {
    if (const char* end = run(item + 1, at + count)) return end;
    if (count == 0) break;
  }
  return nullptr;
}

const char* Matcher::run_lazy(std::size_t item, const char* at) {
  for (;; ++at) {
    step();
    if (const char* end = run(item + 1, at)) return end;
    if (!fits(items_[item], at)) return nullptr;
  }
}

const char* Matcher::run_open(std::size_t item, const char* at, std::ptrdiff_t size) {
  if (++depth_ > kMaxDepth) luaL_error(L_, "pattern too complex");
  captures_[level_++] = {at, size};
  const char* end = run(item + 1, at);
  if (end == nullptr) --level_;
  --depth_;
  return end;
}

const char* Matcher::run_close(std::size_t item, const char* at) {
  if (++depth_ > kMaxDepth) luaL_error(L_, "pattern too complex");
  Capture& capture = captures_[items_[item].first];
  capture.size = at - capture.start;
  const char* end = run(item + 1, at);
  if (end == nullptr) capture.size = kOpen;
  --depth_;
  return end;
}

const char* Matcher::skip_balanced(const Pattern::Item& item, const char* at) {
  if (at >= end_ || static_cast<unsigned char>(*at) != item.first) return nullptr;
  std::size_t open = 1;
  while (++at < end_) {
    step();
    const auto c = static_cast<unsigned char>(*at);
    if (c == item.second) {
      if (--open == 0) return at + 1;
    } else if (c == item.first) {
      ++open;
    }
  }
  return nullptr;
}

const char* Matcher::skip_reference(const Pattern::Item& item, const char* at) {
  const Capture& capture = captures_[item.first];
  if (capture.size < 0) luaL_error(L_, "a back reference to a position");
  const auto size = static_cast<std::size_t>(capture.size);
  charge(L_, size / 64);
  if (static_cast<std::size_t>(end_ - at) < size || std::memcmp(capture.start, at, size) != 0) return nullptr;
  return at + size;
}

bool Matcher::at_frontier(const Pattern::Item& item, const char* at) const {
  const unsigned char before = at == begin_ ? 0 : static_cast<unsigned char>(at[-1]);
  const unsigned char after = at == end_ ? 0 : static_cast<unsigned char>(*at);
  return !item.set[before] && item.set[after];
}

void Matcher::push_capture(std::size_t index, const char* start, const char* end) {
  if (!has_capture(index)) luaL_error(L_, "invalid capture index %%%d", static_cast<int>(index) + 1);
  if (level_ == 0) {
    lua_pushlstring(L_, start, static_cast<std::size_t>(end - start));
  } else if (captures_[index].size == kPosition) {
    lua_pushinteger(L_, captures_[index].start - begin_ + 1);
  } else {
    lua_pushlstring(L_, captures_[index].start, static_cast<std::size_t>(captures_[index].size));
  }
}

int Matcher::push_captures(const char* start, const char* end) {
  luaL_checkstack(L_, capture_count(), "too many captures");
  for (int index = 0; index < capture_count(); ++index) push_capture(static_cast<std::size_t>(index), start, end);
  return capture_count();
}

}  // namespace postern::lua
