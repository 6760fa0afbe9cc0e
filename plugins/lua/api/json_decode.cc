#include <nlohmann/json.hpp>

#include "api/api.h"
#include "api/json.h"
#include "api/values.h"
#include "budget.h"

namespace postern::lua {
namespace {

// Puts what the parser reports onto the Lua stack. A container under construction lies on the stack, above it the key of
// the member that comes next when it is an object.
class Builder {
 public:
  explicit Builder(lua_State* L) : L_(L) {}

  bool null() {
    lua_pushlightuserdata(L_, nullptr);
    return add();
  }
  bool boolean(bool value) {
    lua_pushboolean(L_, value);
    return add();
  }
  bool number_integer(std::int64_t value) {
    lua_pushinteger(L_, value);
    return add();
  }
  bool number_unsigned(std::uint64_t value) {
    if (value <= INT64_MAX)
      lua_pushinteger(L_, static_cast<lua_Integer>(value));
    else
      lua_pushnumber(L_, static_cast<lua_Number>(value));
    return add();
  }
  bool number_float(double value, const std::string&) {
    lua_pushnumber(L_, value);
    return add();
  }
  bool string(std::string& value) {
    push_text(L_, value);
    return add();
  }
  bool binary(std::vector<std::uint8_t>&) { return false; }
  bool start_object(std::size_t) { return open(0); }
  bool key(std::string& name) {
    push_text(L_, name);
    return true;
  }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(1); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    error_ = "not JSON at byte " + std::to_string(position);
    return false;
  }

  const std::string& error() const { return error_; }

 private:
  bool open(lua_Integer first) {
    if (depth_ == kMaxJsonDepth) {
      error_ = "more than " + std::to_string(kMaxJsonDepth) + " levels";
      return false;
    }
    luaL_checkstack(L_, 6, "json");
    lua_newtable(L_);
    if (first == 1) mark_json_array(L_);
    next_[depth_++] = first;
    return true;
  }

  bool close() {
    --depth_;
    return add();
  }

  // The finished value at the top goes into the container below it.
  bool add() {
    charge(L_, 1);
    if (depth_ == 0) return true;
    lua_Integer& next = next_[depth_ - 1];
    if (next == 0)
      lua_rawset(L_, -3);
    else
      lua_rawseti(L_, -2, next++);
    return true;
  }

  lua_State* L_;
  int depth_ = 0;
  lua_Integer next_[kMaxJsonDepth];  // per level: the next index of a list; 0: an object
  std::string error_;
};

// json.decode(text): the value, or nil and what is wrong
int decode(lua_State* L) {
  const std::string_view text = check_text(L, 1);
  lua_settop(L, 1);
  charge(L, text.size() / 16);
  Builder builder(L);
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return 1;
  lua_settop(L, 1);
  return return_error(L, builder.error().c_str());
}

// json.encode(value): the text; raises an error for what JSON cannot say
int encode(lua_State* L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  const std::string text = encode_json(L, 1);
  push_text(L, text);
  return 1;
}

int array(lua_State* L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  mark_json_array(L);
  return 1;
}

}  // namespace

void push_json_table(lua_State* L) {
  lua_newtable(L);
  set_function(L, "decode", decode);
  set_function(L, "encode", encode);
  set_function(L, "array", array);
  lua_pushlightuserdata(L, nullptr);
  lua_setfield(L, -2, "null");
}

}  // namespace postern::lua
