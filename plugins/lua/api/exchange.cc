// The object `exchange`: its parts, its answers (respond, abort), and the script's table for one exchange.
#include <string>

#include "api/api.h"
#include "api/json.h"
#include "api/values.h"
#include "scheduler.h"
#include "state.h"
#include "verdict.h"
#include "worker.h"

namespace postern::lua {
namespace {

constexpr const char* kKeys[] = {"state", "origin", "elapsed_ms", "attempts", "worker", "generation", nullptr};
constexpr const char* kOrigins[] = {"none", "upstream", "local", "cache"};
constexpr const char* kName = "exchange";

postern_exchange_info info_of(lua_State* L) {
  postern_exchange_info info{};
  info.struct_size = sizeof info;
  const postern_status status = host().exchange->info(check_exchange(L), &info);
  if (status < 0) luaL_error(L, "exchange: %s", status_word(status));
  return info;
}

int index(lua_State* L) {
  switch (key_number(L)) {
    case 1:
      return push_state_table(L);
    case 2:
      lua_pushstring(L, kOrigins[info_of(L).origin & 3u]);
      return 1;
    case 3:
      lua_pushnumber(L, static_cast<lua_Number>(info_of(L).elapsed_ns) / 1e6);
      return 1;
    case 4:
      lua_pushinteger(L, info_of(L).attempts);
      return 1;
    case 5:
      lua_pushinteger(L, info_of(L).worker);
      return 1;
    case 6:
      lua_pushinteger(L, static_cast<lua_Integer>(info_of(L).generation));
      return 1;
    default:
      return unknown_field(L, kName);
  }
}

void check_done(lua_State* L, postern_status status, const char* what) {
  if (status < 0) luaL_error(L, "%s: %s", what, status_word(status));
}

// The response headers of the table at index 4. Content-Type went into respond().
void set_headers(lua_State* L, postern_exchange x) {
  for (lua_pushnil(L); lua_next(L, 4) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "respond: header names must be strings");
    const postern_str name = check_str(L, -2);
    if (lua_type(L, -1) != LUA_TTABLE) {
      check_done(L, host().exchange->header_set(x, POSTERN_RESPONSE, name, check_str(L, -1)), "respond: header");
      continue;
    }
    for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; ++i, lua_pop(L, 1))
      check_done(L, host().exchange->header_add(x, POSTERN_RESPONSE, name, check_str(L, -1)), "respond: header");
    lua_pop(L, 1);
  }
}

// Replaces the body at index 3 by its text, and says what it is.
const char* body_to_text(lua_State* L) {
  if (lua_isnoneornil(L, 3)) {
    lua_settop(L, lua_gettop(L) < 3 ? 3 : lua_gettop(L));
    lua_pushliteral(L, "");
    lua_replace(L, 3);
    return "";
  }
  if (lua_type(L, 3) != LUA_TTABLE) return "text/plain; charset=utf-8";
  const std::string text = encode_json(L, 3);
  push_text(L, text);
  lua_replace(L, 3);
  return "application/json";
}

// exchange:respond(status [, body [, headers]])
int respond(lua_State* L) {
  const postern_exchange x = check_exchange(L);
  const lua_Integer status = luaL_checkinteger(L, 2);
  luaL_argcheck(L, status >= 200 && status <= 599, 2, "a status from 200 to 599");
  if (!lua_isnoneornil(L, 4)) luaL_checktype(L, 4, LUA_TTABLE);
  const char* type = body_to_text(L);
  check_done(L, host().exchange->respond(x, static_cast<std::uint32_t>(status), to_str(type), check_str(L, 3)),
             "respond");
  if (lua_istable(L, 4)) set_headers(L, x);
  return push_verdict(L, POSTERN_RESPOND);
}

// exchange:respond_error(status, code, message [, retry_after])
int respond_error(lua_State* L) {
  const postern_exchange x = check_exchange(L);
  const lua_Integer status = luaL_checkinteger(L, 2);
  luaL_argcheck(L, status >= 400 && status <= 599, 2, "a status from 400 to 599");
  const postern_str code = check_str(L, 3), message = check_str(L, 4);
  const std::uint64_t wait_ms = lua_isnoneornil(L, 5) ? 0 : check_milliseconds(L, 5, "retry_after");
  const auto seconds = static_cast<std::uint32_t>((wait_ms + 999) / 1000);
  check_done(L, host().exchange->respond_error(x, static_cast<std::uint32_t>(status), code, message, seconds),
             "respond_error");
  return push_verdict(L, POSTERN_RESPOND);
}

// exchange:abort()
int abort_exchange(lua_State* L) {
  check_exchange(L);
  return push_verdict(L, POSTERN_ABORT);
}

// exchange:retry([delay]) in on_upstream_result
int retry(lua_State* L) {
  const std::uint64_t delay_ms = lua_isnoneornil(L, 2) ? 0 : check_milliseconds(L, 2, "delay");
  if (delay_ms > UINT32_MAX) return return_error(L, POSTERN_E_INVALID);
  return return_status(L, host().exchange->retry(check_exchange(L), static_cast<std::uint32_t>(delay_ms)));
}

// exchange:set_origin("cache") after respond()
int set_origin(lua_State* L) {
  static constexpr const char* kChoices[] = {"local", "cache", nullptr};
  const auto origin = static_cast<std::uint32_t>(luaL_checkoption(L, 2, nullptr, kChoices)) + POSTERN_ORIGIN_LOCAL;
  return return_status(L, host().exchange->set_origin(check_exchange(L), origin));
}

// exchange:holds(name): what the script's table calls so under `expressions`. Nobody decides that a guard is passed over: what
// could not be judged is an error.
int holds(lua_State* L) {
  const postern_exchange x = check_exchange(L);
  const std::string_view name = check_text(L, 2);
  const Expressions& expressions = State::of(L).worker()->expressions();
  const auto found = expressions.find(name);
  if (found == expressions.end()) return luaL_error(L, "the script has no expression '%s'", name.data());
  const std::int32_t answer = host().expression->holds(x, found->second);
  if (answer < 0) return luaL_error(L, "expression '%s' could not be judged", name.data());
  lua_pushboolean(L, answer);
  return 1;
}

}  // namespace

int push_state_table(lua_State* L) {
  Task& task = Task::of(L);
  check_exchange(L);
  ExchangeSlot& slot = *task.slot;
  if (slot.state == task.state) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, slot.state_table);
    return 1;
  }
  if (task.phase != Phase::complete && !watch_end(task))
    return luaL_error(L, "exchange.state: too many things wait for the end of this exchange");
  lua_newtable(L);
  lua_pushvalue(L, -1);
  const int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  release_state_table(slot);  // of a state that was replaced meanwhile
  slot.state = task.state;
  slot.state_table = reference;
  task.state->pin();
  return 1;
}

void release_state_table(ExchangeSlot& slot) {
  if (slot.state == nullptr) return;
  luaL_unref(slot.state->main(), LUA_REGISTRYINDEX, slot.state_table);
  slot.state->unpin();
  slot.state = nullptr;
}

void push_exchange_object(lua_State* L) {
  lua_newtable(L);
  push_request_object(L);
  lua_setfield(L, -2, "request");
  push_response_object(L);
  lua_setfield(L, -2, "response");
  push_variables_object(L);
  lua_setfield(L, -2, "variables");
  push_variable_group(L, "route.");
  lua_setfield(L, -2, "route");
  push_variable_group(L, "client.");
  lua_setfield(L, -2, "client");
  push_upstream_object(L);
  lua_setfield(L, -2, "upstream");
  set_function(L, "respond", respond);
  set_function(L, "respond_error", respond_error);
  set_function(L, "abort", abort_exchange);
  set_function(L, "retry", retry);
  set_function(L, "set_origin", set_origin);
  set_function(L, "holds", holds);
  push_object(L, {kName, index, nullptr, kKeys}, true);
}

}  // namespace postern::lua
