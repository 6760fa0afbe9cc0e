// postern.dict(name): counters and values shared by all workers, which survive reloads; and postern.limit over one.
#include <string>

#include "api/api.h"
#include "api/values.h"
#include "budget.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr const char* kDictType = "postern.dict";
constexpr std::uint64_t kDefaultBytes = 16u << 20;
constexpr lua_Integer kMaxBytes = 256u << 20;  // as much as a state may have
constexpr std::size_t kFirstBuffer = 512;

// Opened on first use, so that a script that is only looked at opens nothing.
struct Dict {
  postern_dict handle;
  std::uint64_t max_bytes;
  std::uint64_t name_size;
  char name[128];
};

postern_dict open_handle(lua_State* L, Dict& dict) {
  if (dict.handle == 0)
    dict.handle = host().dict->open(State::of(L).instance(), {dict.name, dict.name_size}, dict.max_bytes);
  if (dict.handle == 0)
    luaL_error(L, "postern.dict: no memory is left for one of %I bytes", static_cast<lua_Integer>(dict.max_bytes));
  return dict.handle;
}

postern_dict check_dict(lua_State* L) { return open_handle(L, *static_cast<Dict*>(luaL_checkudata(L, 1, kDictType))); }

std::uint64_t optional_ttl(lua_State* L, int index) {
  return lua_isnoneornil(L, index) ? 0 : check_milliseconds(L, index, "ttl");
}

// The value of `size` bytes, larger than the first buffer; it may change between the two looks.
int push_long_value(lua_State* L, postern_dict dict, postern_str key, std::uint64_t size) {
  std::string buffer;
  postern_status status = POSTERN_OK;
  do {
    buffer.resize(size);
    status = host().dict->get(dict, key, buffer.data(), &size);
  } while (status == POSTERN_OK && size > buffer.size());
  if (status < 0) return status == POSTERN_E_NOT_FOUND ? 0 : return_error(L, status);
  lua_pushlstring(L, buffer.data(), size);
  return 1;
}

// dict:get(key): the text, or nil
int get(lua_State* L) {
  const postern_dict dict = check_dict(L);
  const postern_str key = check_str(L, 2);
  char buffer[kFirstBuffer];
  std::uint64_t size = sizeof buffer;
  const postern_status status = host().dict->get(dict, key, buffer, &size);
  if (status == POSTERN_E_NOT_FOUND) return 0;
  if (status < 0) return return_error(L, status);
  if (size > sizeof buffer) return push_long_value(L, dict, key, size);
  lua_pushlstring(L, buffer, size);
  return 1;
}

// dict:set(key, value [, ttl])
int set(lua_State* L) {
  return return_status(L, host().dict->set(check_dict(L), check_str(L, 2), check_str(L, 3), optional_ttl(L, 4)));
}

// dict:add(key, value [, ttl]): nil, "exists" when the key is there
int add(lua_State* L) {
  return return_status(L, host().dict->add(check_dict(L), check_str(L, 2), check_str(L, 3), optional_ttl(L, 4)));
}

// dict:remove(key)
int remove(lua_State* L) { return return_status(L, host().dict->remove(check_dict(L), check_str(L, 2))); }

// dict:incr(key [, amount [, ttl]]): the new number
int incr(lua_State* L) {
  const postern_dict dict = check_dict(L);
  std::int64_t result = 0;
  const postern_status status =
      host().dict->increment(dict, check_str(L, 2), luaL_optinteger(L, 3, 1), optional_ttl(L, 4), &result);
  if (status < 0) return return_error(L, status);
  lua_pushinteger(L, result);
  return 1;
}

// dict:cas(key, expected, value [, ttl]): nil, "conflict" when the value was another
int compare_and_set(lua_State* L) {
  return return_status(L, host().dict->compare_and_set(check_dict(L), check_str(L, 2), check_str(L, 3), check_str(L, 4),
                                                       optional_ttl(L, 5)));
}

constexpr luaL_Reg kMethods[] = {{"get", get},       {"set", set},   {"add", add},
                                 {"remove", remove}, {"incr", incr}, {"cas", compare_and_set},
                                 {nullptr, nullptr}};

std::uint64_t positive_field(lua_State* L, int table, const char* name, lua_Integer fallback) {
  const lua_Integer value = integer_field(L, table, name, fallback);
  if (value < 1) luaL_error(L, "postern.limit: field '%s' must be at least 1", name);
  return static_cast<std::uint64_t>(value);
}

std::uint32_t algorithm_field(lua_State* L, int table) {
  const std::string_view name = push_text_field(L, table, "algorithm");
  if (!name.empty() && name != "token_bucket" && name != "sliding_window")
    luaL_error(L, "postern.limit: algorithm must be \"token_bucket\" or \"sliding_window\"");
  lua_pop(L, 1);
  return name == "sliding_window" ? POSTERN_LIMIT_SLIDING_WINDOW : POSTERN_LIMIT_TOKEN_BUCKET;
}

postern_limit make_limit(lua_State* L, int table) {
  luaL_checktype(L, table, LUA_TTABLE);
  postern_limit limit{};
  limit.struct_size = sizeof limit;
  limit.algorithm = algorithm_field(L, table);
  limit.limit = positive_field(L, table, "limit", 0);
  limit.window_ms = milliseconds_field(L, table, "window", 0);
  if (limit.window_ms < 1) luaL_error(L, "postern.limit: field 'window' must be at least 1 ms");
  limit.burst = positive_field(L, table, "burst", static_cast<lua_Integer>(limit.limit));
  const lua_Integer cost = integer_field(L, table, "cost", 1);
  limit.cost = cost < 0 ? 0 : static_cast<std::uint64_t>(cost);
  return limit;
}

int push_limit_result(lua_State* L, const postern_limit_result& result) {
  lua_createtable(L, 0, 4);
  lua_pushboolean(L, result.allowed != 0);
  lua_setfield(L, -2, "allowed");
  lua_pushinteger(L, static_cast<lua_Integer>(result.remaining));
  lua_setfield(L, -2, "remaining");
  lua_pushnumber(L, static_cast<lua_Number>(result.retry_after_ms) / 1000);
  lua_setfield(L, -2, "retry_after");
  lua_pushnumber(L, static_cast<lua_Number>(result.reset_ms) / 1000);
  lua_setfield(L, -2, "reset");
  return 1;
}

}  // namespace

// postern.dict(name [, max_bytes])
int open_dict(lua_State* L) {
  const std::string_view name = check_text(L, 1);
  const lua_Integer most = luaL_optinteger(L, 2, kDefaultBytes);
  luaL_argcheck(L, !name.empty() && name.size() <= sizeof(Dict::name), 1, "a name of 1 to 128 bytes");
  luaL_argcheck(L, most >= 1'024 && most <= kMaxBytes, 2, "1024 to 268435456 bytes");
  auto& dict = *static_cast<Dict*>(lua_newuserdatauv(L, sizeof(Dict), 0));
  dict.handle = 0;
  dict.max_bytes = static_cast<std::uint64_t>(most);
  dict.name_size = name.copy(dict.name, sizeof dict.name);
  set_methods(L, kDictType, kMethods);
  return 1;
}

// postern.limit(dict, key, {limit, window, burst, cost, algorithm}): {allowed, remaining, retry_after, reset}
int take_limit(lua_State* L) {
  const postern_dict dict = check_dict(L);
  const postern_limit limit = make_limit(L, 3);
  postern_limit_result result{};
  result.struct_size = sizeof result;
  const postern_status status = host().dict->limit(dict, check_str(L, 2), &limit, &result);
  if (status < 0) return return_error(L, status);
  return push_limit_result(L, result);
}

}  // namespace postern::lua
