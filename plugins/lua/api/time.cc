// postern.time: the gateway's clocks, which tests can set.
#include <cstdio>
#include <ctime>

#include "api/api.h"
#include "api/values.h"

namespace postern::lua {
namespace {

// time.now(): seconds since 1970, with milliseconds as fraction
int now(lua_State* L) {
  lua_pushnumber(L, static_cast<lua_Number>(host().timer->unix_ms()) / 1'000);
  return 1;
}

// time.monotonic(): seconds from some start, for measuring: it advances while a script computes
int monotonic(lua_State* L) {
  lua_pushnumber(L, static_cast<lua_Number>(host().timer->clock_ns()) / 1e9);
  return 1;
}

// time.http_date([seconds]): "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7)
int http_date(lua_State* L) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr lua_Number kLast = 253'402'300'799.0;  // the end of the year 9999
  const lua_Number seconds = luaL_optnumber(L, 1, static_cast<lua_Number>(host().timer->unix_ms() / 1'000));
  luaL_argcheck(L, seconds >= 0 && seconds <= kLast, 1, "a time between the years 1970 and 9999");
  const auto when = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&when, &utc);
  char text[64];
  const int size =
      std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                    kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  lua_pushlstring(L, text, static_cast<std::size_t>(size));
  return 1;
}

}  // namespace

void push_time_table(lua_State* L) {
  lua_newtable(L);
  set_function(L, "now", now);
  set_function(L, "monotonic", monotonic);
  set_function(L, "http_date", http_date);
}

}  // namespace postern::lua
