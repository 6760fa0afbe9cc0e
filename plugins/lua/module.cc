// require(name): a file of the script's own folder, read once at load. Workers never touch the disk.

#include <postern/text/ascii.h>

#include <string_view>

#include "file.h"
#include "sandbox.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr const char* kLoadedKey = "postern.modules";
constexpr std::size_t kMaxModules = 100;

// "helpers" or "lib.text": identifiers between single dots, so that no path can leave the folder.
bool well_formed(std::string_view name) {
  bool dot = true;
  for (char c : name) {
    const bool word = is_letter(c) || is_digit(c) || c == '_' || c == '-';
    if (!word && (c != '.' || dot)) return false;
    dot = c == '.';
  }
  return !dot && name.size() <= 100;
}

std::string path_of(std::string_view name) {
  std::string path(name);
  for (char& c : path)
    if (c == '.') c = '/';
  return path + ".lua";
}

// Null with an error message pushed.
const std::string* source(lua_State* L, const std::string& name) {
  Sources& sources = State::of(L).sources();
  if (auto known = sources.modules.find(name); known != sources.modules.end()) return &known->second;
  std::string error = "it was not required when the script was first loaded";
  if (!sources.sealed && sources.modules.size() < kMaxModules) {
    auto text = read_inside(sources.folder, path_of(name));
    if (text) return &sources.modules.emplace(name, std::move(*text)).first->second;
    error = text.error();
  }
  lua_pushfstring(L, "module '%s': %s", name.c_str(), error.c_str());
  return nullptr;
}

// Pushes the module's function, or an error message.
bool load(lua_State* L, const char* name) {
  const std::string* text = source(L, name);
  if (text == nullptr) return false;
  const std::string& chunk = State::of(L).sources().chunk;
  std::string chunk_name(1, '@');
  chunk_name.append(chunk, 0, chunk.find('/') + 1).append(path_of(name));
  return luaL_loadbufferx(L, text->data(), text->size(), chunk_name.c_str(), "t") == LUA_OK;
}

}  // namespace

int require_module(lua_State* L) {
  std::size_t size = 0;
  const char* name = luaL_checklstring(L, 1, &size);
  lua_settop(L, 1);
  if (Task::of(L).phase != Phase::load) return luaL_error(L, "require works only while the script loads");
  if (!well_formed({name, size})) return luaL_error(L, "module '%s': not a name like 'text' or 'lib.text'", name);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, kLoadedKey);
  if (lua_getfield(L, 2, name) == LUA_TBOOLEAN) return luaL_error(L, "module '%s' requires itself", name);
  if (!lua_isnil(L, -1)) return 1;
  lua_pushboolean(L, 0);
  lua_setfield(L, 2, name);
  if (!load(L, name)) return lua_error(L);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  if (!lua_toboolean(L, -1)) return luaL_error(L, "module '%s' returned nothing", name);
  lua_pushvalue(L, -1);
  lua_setfield(L, 2, name);
  return 1;
}

}  // namespace postern::lua
