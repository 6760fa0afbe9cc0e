#include "script.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "api/values.h"
#include "file.h"
#include "hooks.h"
#include "schema.h"
#include "size_text.h"

namespace postern::lua {
namespace {

constexpr std::array<std::string_view, 14> kFields = {
    "name",  "version", "description", "schema",      "provides",     "consumes",      "before",
    "after", "needs",   "refuses",     "expressions", "request_body", "response_body", "limits"};

bool is_function_name(std::string_view name) {
  for (int phase = 0; phase < kFunctionCount; ++phase)
    if (name == phase_name(static_cast<Phase>(phase))) return true;
  return false;
}

bool is_field_name(std::string_view name) { return std::find(kFields.begin(), kFields.end(), name) != kFields.end(); }

// A misspelt hook would be skipped in silence. The script's table is at the top.
void check_fields(lua_State* L) {
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "the script's table has a field that has no name");
    const char* name = lua_tostring(L, -2);
    if (is_function_name(name) && !lua_isfunction(L, -1)) luaL_error(L, "%s must be a function", name);
    if (!is_function_name(name) && !is_field_name(name))
      luaL_error(L, "the script's table has no field '%s'; hooks are on_request, on_response and so on", name);
  }
}

std::string text_of(lua_State* L, const char* field) {
  if (lua_getfield(L, -1, field) != LUA_TSTRING) luaL_error(L, "field '%s' must be a string", field);
  std::string text(check_text(L, -1));
  lua_pop(L, 1);
  return text;
}

void require_policy(lua_State* L, const char* hook, const char* field) {
  const bool hooked = lua_getfield(L, -1, hook) != LUA_TNIL, declared = lua_getfield(L, -2, field) != LUA_TNIL;
  lua_pop(L, 2);
  if (hooked && !declared) luaL_error(L, "%s needs %s = \"stream\" or {policy = \"buffer\", ...}", hook, field);
}

std::uint64_t bounded(lua_State* L, const char* name, std::uint64_t fallback, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = fallback;
  if (lua_getfield(L, -1, name) != LUA_TNIL && !size_value(L, -1, value))
    luaL_error(L, "limits.%s must be a number", name);
  lua_pop(L, 1);
  if (value < least || value > most)
    luaL_error(L, "limits.%s must lie between %I and %I", name, static_cast<lua_Integer>(least),
               static_cast<lua_Integer>(most));
  return value;
}

Limits read_limits(lua_State* L) {
  Limits limits;
  if (lua_getfield(L, -1, "limits") != LUA_TNIL) {
    if (!lua_istable(L, -1)) luaL_error(L, "field 'limits' must be a table");
    limits.per_resume =
        bounded(L, "instructions_per_resume", limits.per_resume, kMinLimits.per_resume, kMaxLimits.per_resume);
    limits.per_exchange =
        bounded(L, "instructions_per_exchange", limits.per_exchange, kMinLimits.per_exchange, kMaxLimits.per_exchange);
    limits.memory = bounded(L, "memory", limits.memory, kMinLimits.memory, kMaxLimits.memory);
  }
  lua_pop(L, 1);
  return limits;
}

std::string read_schema(lua_State* L) {
  std::string text;
  if (lua_getfield(L, -1, "schema") != LUA_TNIL) text = schema_to_json(L, lua_gettop(L));
  lua_pop(L, 1);
  return text;
}

// "geo-block/geo-block.lua" of any path to it.
std::string chunk_name(std::string_view path) {
  std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos && slash > 0) slash = path.rfind('/', slash - 1);
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// "geo-block" of ".../geo-block.lua"
std::string stem_of(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".lua")) name.remove_suffix(4);
  return std::string(name);
}

}  // namespace

int describe_script(lua_State* L) {
  Script& script = *static_cast<Script*>(lua_touserdata(L, 1));
  State::of(L).push_script(L);
  check_fields(L);
  script.name_ = text_of(L, "name");
  script.version_ = text_of(L, "version");
  script.limits_ = read_limits(L);
  script.schema_ = read_schema(L);
  require_policy(L, "on_request_body", "request_body");
  require_policy(L, "on_response_body", "response_body");
  for (int phase = 0; phase < kHookCount; ++phase) {
    if (!State::of(L).push_function(L, static_cast<Phase>(phase))) continue;
    lua_pop(L, 1);
    set_hook(script.table_, static_cast<Phase>(phase));
  }
  return 0;
}

Result<std::unique_ptr<Script>> Script::open(const std::string& path) {
  std::unique_ptr<Script> script(new Script());
  if (auto read = script->read(path); !read) return tl::unexpected(read.error());
  auto state = State::load(script->sources_, Limits(), nullptr);
  script->sources_.sealed = true;
  if (!state) return tl::unexpected(state.error());
  if (auto described = script->describe(**state); !described)
    return tl::unexpected(script->sources_.chunk + ": " + described.error());
  if (script->name_ != stem_of(path))
    return tl::unexpected(script->sources_.chunk + ": its name is \"" + script->name_ +
                          "\", but must equal the file's");
  return script;
}

Result<void> Script::read(const std::string& path) {
  auto text = read_file(path);
  if (!text) return tl::unexpected(path + ": " + text.error());
  sources_.folder = folder_of(path);
  sources_.chunk = chunk_name(path);
  sources_.text = std::move(*text);
  return {};
}

Result<void> Script::describe(State& state) {
  set_lifecycle(table_, this);
  auto described = state.protect(describe_script, this);
  table_.name = to_str(name_);
  table_.plugin_version = to_str(version_);
  table_.schema = to_str(schema_);
  return described;
}

}  // namespace postern::lua
