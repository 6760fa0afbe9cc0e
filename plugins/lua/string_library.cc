// `string` for scripts: Lua's own functions, except those that could work for long inside one instruction.
#include <cstring>

#include "budget.h"
#include "measured.h"
#include "pattern.h"
#include "sandbox.h"

namespace postern::lua {
namespace {

constexpr Measured kMeasured[] = {{"byte", kAllButFirst}, {"char", kAll}, {"format", kAll},   {"len", 0},
                                  {"lower", kAll},        {"pack", kAll}, {"packsize", kAll}, {"reverse", kAll},
                                  {"sub", kAllButFirst},  {"upper", kAll}};
// Of strings, for arithmetic on texts that read as numbers.
constexpr Measured kArithmetic[] = {{"__add", kAll}, {"__sub", kAll}, {"__mul", kAll},  {"__mod", kAll},
                                    {"__pow", kAll}, {"__div", kAll}, {"__idiv", kAll}, {"__unm", kAll}};
constexpr lua_Integer kMaxResult = 256 << 20;  // no state may be larger

std::string_view check_view(lua_State* L, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  return {text, size};
}

// 0-based; past the end when `init` (1-based, negative from the end) lies there.
std::size_t start_offset(lua_State* L, int index, std::size_t size) {
  const lua_Integer init = luaL_optinteger(L, index, 1);
  if (init > 0) return static_cast<std::size_t>(init) - 1;
  if (init == 0 || init < -static_cast<lua_Integer>(size)) return 0;
  return size - static_cast<std::size_t>(-init);
}

int push_position(lua_State* L, std::string_view subject, const char* start, const char* end) {
  lua_pushinteger(L, start - subject.data() + 1);
  lua_pushinteger(L, end - subject.data());
  return 2;
}

int find_plain(lua_State* L, std::string_view subject, std::string_view text, std::size_t from) {
  charge(L, (subject.size() - from) / 16);
  const char* start = subject.data() + from;
  if (!text.empty()) start = static_cast<const char*>(memmem(start, subject.size() - from, text.data(), text.size()));
  if (start == nullptr) {
    lua_pushnil(L);
    return 1;
  }
  return push_position(L, subject, start, start + text.size());
}

int find_pattern(lua_State* L, std::string_view subject, std::string_view text, std::size_t from, bool positions) {
  const Pattern pattern(L, text, true);
  Matcher matcher(L, pattern, subject);
  const char* last = pattern.anchored() ? subject.data() + from : subject.data() + subject.size();
  for (const char* start = subject.data() + from; start <= last; ++start) {
    const char* end = matcher.match(start);
    if (end == nullptr) continue;
    if (!positions) return matcher.push_captures(start, end);
    const int pushed = push_position(L, subject, start, end);
    return matcher.explicit_captures() ? pushed + matcher.push_captures(start, end) : pushed;
  }
  lua_pushnil(L);
  return 1;
}

bool is_plain(std::string_view text) { return text.find_first_of("^$*+?.([%-") == std::string_view::npos; }

// string.find gives `positions`, string.match what was captured.
template <bool positions>
int search(lua_State* L) {
  charge_arguments(L, kAllButFirst);
  const std::string_view subject = check_view(L, 1), text = check_view(L, 2);
  const std::size_t from = start_offset(L, 3, subject.size());
  if (from > subject.size()) {
    lua_pushnil(L);
    return 1;
  }
  if (positions && (lua_toboolean(L, 4) || is_plain(text))) return find_plain(L, subject, text, from);
  return find_pattern(L, subject, text, from, positions);
}

// Upvalues: subject, pattern, next offset, offset where the last match ended (-1: none yet).
int next_match(lua_State* L) {
  const std::string_view subject = check_view(L, lua_upvalueindex(1)), text = check_view(L, lua_upvalueindex(2));
  const Pattern pattern(L, text, false);
  Matcher matcher(L, pattern, subject);
  const lua_Integer last_end = lua_tointeger(L, lua_upvalueindex(4));
  const auto from = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(3)));
  for (std::size_t offset = from; offset <= subject.size(); ++offset) {
    const char* end = matcher.match(subject.data() + offset);
    if (end == nullptr || end - subject.data() == last_end) continue;
    lua_pushinteger(L, end - subject.data());
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return matcher.push_captures(subject.data() + offset, end);
  }
  lua_pushinteger(L, static_cast<lua_Integer>(subject.size()) + 1);
  lua_replace(L, lua_upvalueindex(3));
  return 0;
}

int gmatch(lua_State* L) {
  charge_arguments(L, kAllButFirst);
  const std::size_t size = check_view(L, 1).size();
  check_view(L, 2);
  const std::size_t from = start_offset(L, 3, size);
  lua_settop(L, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(from > size ? size + 1 : from));
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, next_match, 4);
  return 1;
}

// "%1" and "%0" in a replacement text; "%%" is a per cent sign.
void add_text(lua_State* L, luaL_Buffer& out, Matcher& matcher, const char* start, const char* end) {
  const std::string_view text = check_view(L, 3);
  charge(L, text.size() / 8);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      luaL_addchar(&out, text[i]);
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    if (c == '%') {
      luaL_addchar(&out, '%');
    } else if (c == '0') {
      luaL_addlstring(&out, start, static_cast<std::size_t>(end - start));
    } else if (c >= '1' && c <= '9') {
      matcher.push_capture(static_cast<std::size_t>(c - '1'), start, end);
      luaL_tolstring(L, -1, nullptr);
      lua_remove(L, -2);
      luaL_addvalue(&out);
    } else {
      luaL_error(L, "invalid use of '%%' in replacement string");
    }
  }
}

// Adds what stands for one match, by the third argument.
void add_replacement(lua_State* L, luaL_Buffer& out, Matcher& matcher, const char* start, const char* end) {
  const int kind = lua_type(L, 3);
  if (kind == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    lua_call(L, matcher.push_captures(start, end), 1);
  } else if (kind == LUA_TTABLE) {
    matcher.push_capture(0, start, end);
    lua_gettable(L, 3);
  } else {
    return add_text(L, out, matcher, start, end);
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(&out, start, static_cast<std::size_t>(end - start));
  } else if (lua_isstring(L, -1)) {
    luaL_addvalue(&out);
  } else {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  }
}

int gsub(lua_State* L) {
  charge_arguments(L, kAllButFirst);
  const std::string_view subject = check_view(L, 1), text = check_view(L, 2);
  const int kind = lua_type(L, 3);
  luaL_argexpected(L, kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION || kind == LUA_TTABLE, 3,
                   "string/function/table");
  if (kind == LUA_TNUMBER) lua_tolstring(L, 3, nullptr);
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(subject.size()) + 1);
  const Pattern pattern(L, text, true);
  Matcher matcher(L, pattern, subject);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  const char* const subject_end = subject.data() + subject.size();
  const char* at = subject.data();
  const char* last_end = nullptr;
  lua_Integer count = 0;
  while (count < most) {
    const char* end = matcher.match(at);
    if (end != nullptr && end != last_end) {
      ++count;
      add_replacement(L, out, matcher, at, end);
      at = last_end = end;
    } else if (at < subject_end) {
      luaL_addchar(&out, *at++);
    } else {
      break;
    }
    if (pattern.anchored()) break;
  }
  luaL_addlstring(&out, at, static_cast<std::size_t>(subject_end - at));
  luaL_pushresult(&out);
  lua_pushinteger(L, count);
  return 2;
}

// string.unpack(format, text [, position]): "z" looks for the end of a text of any length.
int unpack(lua_State* L) {
  charge_arguments(L, ~Read{2});
  const std::string_view format = check_view(L, 1), text = check_view(L, 2);
  if (format.find('z') != std::string_view::npos) charge(L, text.size() / 64);
  return call_library(L);
}

int repeat(lua_State* L) {
  charge_arguments(L, 2);
  const std::string_view text = check_view(L, 1);
  const lua_Integer count = luaL_checkinteger(L, 2);
  std::size_t gap_size = 0;
  const char* gap = luaL_optlstring(L, 3, "", &gap_size);
  const auto piece = static_cast<lua_Integer>(text.size() + gap_size);
  if (count <= 0 || piece == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  if (count > kMaxResult / piece) return luaL_error(L, "resulting string too large");
  luaL_Buffer out;
  luaL_buffinitsize(L, &out, static_cast<std::size_t>(count * piece));
  for (lua_Integer i = 0; i < count; ++i) {
    luaL_addlstring(&out, text.data(), text.size());
    if (i + 1 < count) luaL_addlstring(&out, gap, gap_size);
  }
  luaL_pushresult(&out);
  return 1;
}

constexpr luaL_Reg kFunctions[] = {{"find", search<true>},   {"gmatch", gmatch}, {"gsub", gsub},
                                   {"match", search<false>}, {"rep", repeat},    {nullptr, nullptr}};

// Methods of strings ("x"):rep() come from here too, and no script can reach the metatable.
void set_string_metatable(lua_State* L) {
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushvalue(L, -1);
  set_measured(L, kArithmetic);
  lua_pop(L, 1);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}

}  // namespace

void push_string_library(lua_State* L) {
  luaopen_string(L);
  lua_newtable(L);
  set_measured(L, kMeasured);
  set_bounded(L, "unpack", unpack);
  lua_remove(L, -2);
  luaL_setfuncs(L, kFunctions, 0);
  set_string_metatable(L);
}

}  // namespace postern::lua
