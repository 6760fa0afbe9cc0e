#include "declarations.h"

#include <iterator>
#include <string>

#include "api/values.h"
#include "size_text.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr int kInstance = 1, kExpressions = 2;  // arguments, as light userdata
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

// Walks over a list of names, or a map from names to what is said of each: `declare` finds the name and, of a map, its value
// (else nil) on top of the stack.
template <class Declare>
void each_named(lua_State* L, const char* field, Declare declare) {
  if (push_field(L, field) != LUA_TNIL) {
    check_list(L, field);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      const bool named = lua_type(L, -2) == LUA_TSTRING;
      const postern_str name = check_str(L, named ? -2 : -1);
      if (named) {
        declare(name);
        continue;
      }
      lua_pushnil(L);
      declare(name);
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

// The text on top of the stack; empty for nil.
postern_str optional_text(lua_State* L, const char* what) {
  if (lua_isnil(L, -1)) return {};
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s must be a string", what);
  return check_str(L, -1);
}

// "on_response" is the bit of that hook; nothing is 0, the first hook of the script.
std::uint64_t hook_bit(lua_State* L, postern_str name) {
  static constexpr const char* kHooks[] = {
      "on_connection",       "on_request_early",   "on_request",  "on_request_body",  "on_upstream_select",
      "on_upstream_request", "on_upstream_result", "on_response", "on_response_body", "on_complete"};
  static_assert(std::size(kHooks) == POSTERN_HOOK_COUNT);
  if (name.len == 0) return 0;
  for (std::size_t i = 0; i < std::size(kHooks); ++i)
    if (view(name) == kHooks[i]) return 1ull << i;
  luaL_error(L, "there is no hook '%s'", name.ptr);
  return 0;
}

// A field of the table on top of the stack, as text. It stays valid as long as the table does.
postern_str text_member(lua_State* L, const char* name) {
  lua_getfield(L, -1, name);
  const postern_str text = optional_text(L, name);
  lua_pop(L, 1);
  return text;
}

std::uint32_t version_member(lua_State* L) {
  lua_getfield(L, -1, "version");
  const lua_Integer version = luaL_optinteger(L, -1, 1);
  if (version < 0 || version > UINT32_MAX) luaL_error(L, "version must be a number from 0 on");
  lua_pop(L, 1);
  return static_cast<std::uint32_t>(version);
}

// {"agent.id"} or {["agent.id"] = "on_response"}
void declare_provides(lua_State* L, postern_instance instance) {
  each_named(L, "provides", [&](postern_str name) {
    host().instance->declare_provides(instance, name, hook_bit(L, optional_text(L, "provides: a hook")));
  });
}

// {"consumer.id"}, {["consumer.id"] = "the limit is by consumer"} or {["consumer.id"] = {reason = "...", hook = "on_response"}}
void declare_consumes(lua_State* L, postern_instance instance) {
  each_named(L, "consumes", [&](postern_str name) {
    const bool in_full = lua_istable(L, -1);
    const postern_str reason = in_full ? text_member(L, "reason") : optional_text(L, "consumes: a reason");
    const std::uint64_t hook = in_full ? hook_bit(L, text_member(L, "hook")) : 0;
    host().instance->declare_consumes(instance, name, hook, reason);
  });
}

void declare_neighbours(lua_State* L, postern_instance instance, const char* field,
                        void (*declare)(postern_instance, postern_str, postern_str)) {
  each_named(L, field, [&](postern_str name) { declare(instance, name, optional_text(L, field)); });
}

// {["quota/main"] = {version = 1, reason = "..."}} or {"quota/main"}, which is version 1
void declare_needs(lua_State* L, postern_instance instance) {
  each_named(L, "needs", [&](postern_str name) {
    const bool in_full = lua_istable(L, -1);
    const postern_str reason = in_full ? text_member(L, "reason") : optional_text(L, "needs: a reason");
    host().instance->declare_needs(instance, name, in_full ? version_member(L) : 1, reason);
  });
}

// {anonymous = "wants a token", some = "refuses bots"}
void declare_refuses(lua_State* L, postern_instance instance) {
  each_named(L, "refuses", [&](postern_str name) {
    const bool anonymous = view(name) == "anonymous";
    if (!anonymous && view(name) != "some") luaL_error(L, "refuses has 'anonymous' and 'some'");
    host().instance->declare_refuses(instance, anonymous ? POSTERN_REFUSES_ANONYMOUS : POSTERN_REFUSES_SOME,
                                     optional_text(L, "refuses: how"));
  });
}

// {premium = 'consumer.tier == "gold"'}
void compile_expressions(lua_State* L, postern_instance instance, Expressions& expressions) {
  each_named(L, "expressions", [&](postern_str name) {
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "expressions has names and texts");
    postern_str error{};
    const postern_expression compiled = host().expression->compile(instance, check_str(L, -1), 0, &error);
    if (compiled == nullptr) {
      push_text(L, error);
      luaL_error(L, "expressions: %s: %s", name.ptr, lua_tostring(L, -1));
    }
    expressions.insert_or_assign(std::string(view(name)), compiled);
  });
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
  policy.struct_size = sizeof policy;
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
  declare_consumes(L, instance);
  declare_neighbours(L, instance, "before", host().instance->declare_before);
  declare_neighbours(L, instance, "after", host().instance->declare_after);
  declare_needs(L, instance);
  declare_refuses(L, instance);
  compile_expressions(L, instance, *static_cast<Expressions*>(lua_touserdata(L, kExpressions)));
  const std::uint64_t unused =
      declare_body(L, instance, "request_body", POSTERN_REQUEST, Phase::request_body, POSTERN_HOOK_REQUEST_BODY) |
      declare_body(L, instance, "response_body", POSTERN_RESPONSE, Phase::response_body, POSTERN_HOOK_RESPONSE_BODY);
  if (unused != 0) host().instance->disable_hooks(instance, unused);
  return 0;
}

}  // namespace postern::lua
