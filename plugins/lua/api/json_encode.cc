#include <postern/text/json.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "api/json.h"
#include "api/values.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr const char* kArrayMark = "postern.json.array";

class Encoder {
 public:
  explicit Encoder(lua_State* L) : L_(L) {}

  // The value at the top of the stack; it stays there.
  void value(int depth) {
    check_room(depth);
    switch (lua_type(L_, -1)) {
      case LUA_TNIL:
        text_ += "null";
        return;
      case LUA_TBOOLEAN:
        text_ += lua_toboolean(L_, -1) ? "true" : "false";
        return;
      case LUA_TNUMBER:
        return number();
      case LUA_TSTRING:
        return quoted(check_text(L_, -1));
      case LUA_TTABLE:
        return is_array() ? array(depth) : object(depth);
      default:
        break;
    }
    if (lua_touserdata(L_, -1) != nullptr || lua_type(L_, -1) != LUA_TLIGHTUSERDATA)
      luaL_error(L_, "json: cannot encode a %s", luaL_typename(L_, -1));
    text_ += "null";  // postern.json.null
  }

  std::string take() { return std::move(text_); }

 private:
  struct Key {
    std::string text;
    bool is_number;
    lua_Integer number;
  };

  void check_room(int depth) {
    if (depth > kMaxJsonDepth)
      luaL_error(L_, "json: more than %d levels, or a table that contains itself", kMaxJsonDepth);
    check_size(text_.size());
    luaL_checkstack(L_, 6, "json");
  }

  void check_size(std::size_t bytes) {
    if (bytes > State::of(L_).limits().memory) luaL_error(L_, "json: the text is too long");
  }

  void number() {
    char digits[40];
    char* end = digits;
    if (lua_isinteger(L_, -1)) {
      end = std::to_chars(digits, digits + sizeof digits, lua_tointeger(L_, -1)).ptr;
    } else {
      const double value = lua_tonumber(L_, -1);
      if (!std::isfinite(value)) luaL_error(L_, "json: a number that is not finite");
      end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    }
    text_.append(digits, end);
  }

  void quoted(std::string_view text) {
    charge(L_, text.size() / 64);
    append_json(text_, text);
  }

  // Marked as one, or the keys are exactly 1 to n with n > 0.
  bool is_array() {
    if (lua_getmetatable(L_, -1)) {
      luaL_getmetatable(L_, kArrayMark);
      const bool marked = lua_rawequal(L_, -1, -2);
      lua_pop(L_, 2);
      if (marked) return true;
    }
    return lua_rawlen(L_, -1) > 0;
  }

  void array(int depth) {
    text_ += '[';
    const auto length = static_cast<lua_Integer>(lua_rawlen(L_, -1));
    charge(L_, static_cast<std::uint64_t>(length));
    for (lua_Integer i = 1; i <= length; ++i) {
      if (i > 1) text_ += ',';
      lua_rawgeti(L_, -1, i);
      value(depth + 1);
      lua_pop(L_, 1);
    }
    text_ += ']';
    check_no_names(length);
  }

  void check_no_names(lua_Integer length) {
    lua_Integer count = 0;
    for (lua_pushnil(L_); lua_next(L_, -2) != 0; lua_pop(L_, 1)) ++count;
    if (count > length) luaL_error(L_, "json: a table with both list elements and names");
  }

  void object(int depth) {
    text_ += '{';
    bool first = true;
    for (const Key& key : sorted_keys()) {
      if (!first) text_ += ',';
      first = false;
      quoted(key.text);
      text_ += ':';
      key.is_number ? lua_pushinteger(L_, key.number) : push_text(L_, key.text);
      lua_rawget(L_, -2);
      value(depth + 1);
      lua_pop(L_, 1);
    }
    text_ += '}';
  }

  std::vector<Key> sorted_keys() {
    std::vector<Key> keys;
    for (lua_pushnil(L_); lua_next(L_, -2) != 0; lua_pop(L_, 1)) {
      if (lua_type(L_, -2) == LUA_TSTRING)
        keys.push_back({std::string(check_text(L_, -2)), false, 0});
      else if (lua_isinteger(L_, -2))
        keys.push_back({std::to_string(lua_tointeger(L_, -2)), true, lua_tointeger(L_, -2)});
      else
        luaL_error(L_, "json: a key that is a %s", luaL_typename(L_, -2));
      key_bytes_ += keys.back().text.size();
      check_size(key_bytes_);
    }
    charge(L_, keys.size() * 4);
    std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) { return a.text < b.text; });
    return keys;
  }

  lua_State* L_;
  std::string text_;
  std::size_t key_bytes_ = 0;  // of all tables so far: copies wait at every level, and the text will hold them all
};

}  // namespace

std::string encode_json(lua_State* L, int index) {
  lua_pushvalue(L, index);
  Encoder encoder(L);
  encoder.value(1);
  lua_pop(L, 1);
  return encoder.take();
}

void mark_json_array(lua_State* L) {
  if (luaL_newmetatable(L, kArrayMark)) {
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
}

}  // namespace postern::lua
