#include "declarations.h"

#include <string>

#include "api/values.h"
#include "size_text.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr int kInstance = 1;  // argument: the instance, as light userdata
constexpr std::uint64_t kMaxBody = 1ull << 30;

// Pushes the field's value; a function is asked first. Returns its type.
int push_field(lua_State* L, const char* name) {
  const State& state = State::of(L);
  state.push_script(L);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  if (lua_isfunction(L, -1)) {
    state.push_config(L);
    lua_call(L, 1, 1);
  }
  return lua_type(L, -1);
}

void check_list(lua_State* L, const char* name) {
  if (!lua_istable(L, -1)) luaL_error(L, "%s must be a table", name);
}

void declare_provides(lua_State* L, postern_instance instance) {
  if (push_field(L, "provides") != LUA_TNIL) {
    check_list(L, "provides");
    for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; ++i, lua_pop(L, 1))
      host().instance->declare_provides(instance, check_str(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

// {"consumer.id"} or {["consumer.id"] = "the limit is by consumer"}
void declare_with_reasons(lua_State* L, postern_instance instance, const char* name,
                          void (*declare)(postern_instance, postern_str, postern_str)) {
  if (push_field(L, name) != LUA_TNIL) {
    check_list(L, name);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s must contain strings", name);
      const bool named = lua_type(L, -2) == LUA_TSTRING;
      declare(instance, check_str(L, named ? -2 : -1), named ? check_str(L, -1) : postern_str{});
    }
  }
  lua_pop(L, 1);
}

std::uint64_t limit_field(lua_State* L, int table, const char* name) {
  std::uint64_t limit = 64u << 10;
  if (lua_getfield(L, table, "limit") != LUA_TNIL && !size_value(L, -1, limit))
    luaL_error(L, "%s: limit must be a size, as in \"64k\"", name);
  if (limit < 1 || limit > kMaxBody) luaL_error(L, "%s: limit must lie between 1 and 1g", name);
  lua_pop(L, 1);
  return limit;
}

std::uint32_t choice(lua_State* L, std::string_view text, const char* const (&choices)[3], const char* what) {
  for (std::uint32_t i = 0; i < 3; ++i)
    if (text == choices[i]) return i;
  luaL_error(L, "%s must be \"%s\", \"%s\" or \"%s\"", what, choices[0], choices[1], choices[2]);
  return 0;
}

// "stream", or {policy = "buffer", limit = "64k", on_overflow = "reject", modifies = true}, at the top of the stack.
postern_body_policy read_policy(lua_State* L, const char* name) {
  static constexpr const char* kPolicies[] = {"none", "stream", "buffer"};
  static constexpr const char* kOverflows[] = {"reject", "stream", "peek"};
  postern_body_policy policy{};
  if (lua_type(L, -1) == LUA_TSTRING) {
    policy.policy = choice(L, check_text(L, -1), kPolicies, name);
    policy.limit = policy.policy == POSTERN_BODY_BUFFER ? 64u << 10 : 0;
    return policy;
  }
  check_list(L, name);
  const int table = lua_gettop(L);
  policy.policy = choice(L, push_text_field(L, table, "policy"), kPolicies, "policy");
  const std::string_view overflow = push_text_field(L, table, "on_overflow");
  if (!overflow.empty()) policy.on_overflow = choice(L, overflow, kOverflows, "on_overflow");
  lua_getfield(L, table, "modifies");
  policy.modifies = lua_toboolean(L, -1) ? 1 : 0;
  if (policy.policy == POSTERN_BODY_BUFFER) policy.limit = limit_field(L, table, name);
  lua_settop(L, table);
  return policy;
}

// Returns the bit of the hook when it has nothing to see, else 0.
std::uint64_t declare_body(lua_State* L, postern_instance instance, const char* name, std::uint32_t message, Phase hook,
                           std::uint64_t hook_bit) {
  const bool defined = State::of(L).push_function(L, hook);
  if (defined) lua_pop(L, 1);
  postern_body_policy policy{};
  if (push_field(L, name) != LUA_TNIL) policy = read_policy(L, name);
  lua_pop(L, 1);
  if (!defined || policy.policy == POSTERN_BODY_NONE) return hook_bit;
  if (host().instance->declare_body(instance, message, &policy) < 0) luaL_error(L, "%s was refused", name);
  return 0;
}

}  // namespace

int declare_all(lua_State* L) {
  auto* instance = static_cast<postern_instance>(lua_touserdata(L, kInstance));
  declare_provides(L, instance);
  declare_with_reasons(L, instance, "consumes", host().instance->declare_consumes);
  declare_with_reasons(L, instance, "before", host().instance->declare_before);
  declare_with_reasons(L, instance, "after", host().instance->declare_after);
  const std::uint64_t unused =
      declare_body(L, instance, "request_body", POSTERN_REQUEST, Phase::request_body, POSTERN_HOOK_REQUEST_BODY) |
      declare_body(L, instance, "response_body", POSTERN_RESPONSE, Phase::response_body, POSTERN_HOOK_RESPONSE_BODY);
  if (unused != 0) host().instance->disable_hooks(instance, unused);
  return 0;
}

}  // namespace postern::lua
