#include "size_text.h"

#include <charconv>
#include <string_view>

namespace postern::lua {
namespace {

int unit_shift(std::string_view unit) {
  if (unit.empty() || unit == "b") return 0;
  if (unit == "k" || unit == "K") return 10;
  if (unit == "m" || unit == "M") return 20;
  if (unit == "g" || unit == "G") return 30;
  return -1;
}

}  // namespace

bool size_value(lua_State* L, int index, std::uint64_t& bytes) {
  if (lua_isinteger(L, index)) {
    const lua_Integer value = lua_tointeger(L, index);
    bytes = static_cast<std::uint64_t>(value);
    return value >= 0;
  }
  if (lua_type(L, index) != LUA_TSTRING) return false;
  std::size_t size = 0;
  const char* text = lua_tolstring(L, index, &size);
  std::uint32_t number = 0;
  auto [end, failure] = std::from_chars(text, text + size, number);
  const int shift = unit_shift({end, static_cast<std::size_t>(text + size - end)});
  if (failure != std::errc() || shift < 0) return false;
  bytes = static_cast<std::uint64_t>(number) << shift;
  return true;
}

}  // namespace postern::lua
