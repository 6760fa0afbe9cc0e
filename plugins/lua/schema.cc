#include "schema.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/values.h"

namespace postern::lua {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 30;
// In Lua an empty list looks like an empty map; these keywords always have lists.
constexpr std::array<std::string_view, 7> kListKeywords = {"enum",  "required", "allOf", "anyOf",
                                                           "oneOf", "examples", "type"};

json to_json(lua_State* L, int index, int depth);

json list_to_json(lua_State* L, int index, int depth) {
  json list = json::array();
  for (lua_Integer i = 1; lua_geti(L, index, i) != LUA_TNIL; ++i) {
    list.push_back(to_json(L, lua_gettop(L), depth + 1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return list;
}

json map_to_json(lua_State* L, int index, int depth) {
  json map = json::object();
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "schema: a table with both list elements and names");
    const std::string key(check_text(L, -2));
    map[key] = to_json(L, lua_gettop(L), depth + 1);
    const bool list = std::find(kListKeywords.begin(), kListKeywords.end(), key) != kListKeywords.end();
    if (list && map[key].is_object() && map[key].empty()) map[key] = json::array();
  }
  // The default of a list that is empty.
  auto found = map.find("default");
  if (found != map.end() && found->is_object() && found->empty() && map.value("type", json()) == "array")
    *found = json::array();
  return map;
}

json to_json(lua_State* L, int index, int depth) {
  if (depth > kMaxDepth) luaL_error(L, "schema: more than %d levels", kMaxDepth);
  luaL_checkstack(L, 4, "schema");
  switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
      return lua_toboolean(L, index) != 0;
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) return static_cast<std::int64_t>(lua_tointeger(L, index));
      return lua_tonumber(L, index);
    case LUA_TSTRING:
      return std::string(check_text(L, index));
    case LUA_TTABLE:
      return lua_rawlen(L, index) > 0 ? list_to_json(L, index, depth) : map_to_json(L, index, depth);
    default:
      luaL_error(L, "schema: it contains a %s", luaL_typename(L, index));
  }
  return {};
}

bool is_whole(const json& schema) {
  auto type = schema.find("type");
  if (type != schema.end() && type->is_string()) return true;
  auto properties = schema.find("properties");
  return properties != schema.end() && properties->is_object() && !properties->value("type", json()).is_string();
}

json expand(lua_State* L, json properties) {
  json required = json::array();
  for (auto& [name, property] : properties.items()) {
    if (!property.is_object()) luaL_error(L, "schema: property '%s' must be a table", name.c_str());
    auto found = property.find("required");
    if (found == property.end() || !found->is_boolean()) continue;
    if (found->get<bool>()) required.push_back(name);
    property.erase(found);
  }
  json schema = {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

}  // namespace

std::string schema_to_json(lua_State* L, int index) {
  luaL_checktype(L, index, LUA_TTABLE);
  json schema = to_json(L, lua_absindex(L, index), 1);
  if (!schema.is_object()) luaL_error(L, "schema: must be a table with names");
  if (!is_whole(schema)) schema = expand(L, std::move(schema));
  return schema.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace postern::lua
