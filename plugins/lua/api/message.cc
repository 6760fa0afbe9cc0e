// `exchange.request` and `exchange.response`: the heads' own fields, and the bytes that a body hook was given.
#include "api/api.h"
#include "api/headers.h"
#include "api/values.h"

namespace postern::lua {
namespace {

// The first seven are the fields of the request head, in the order of POSTERN_FIELD_*.
constexpr const char* kRequestKeys[] = {"method",   "target", "path",       "query",           "host", "scheme",
                                        "protocol", "body",   "body_ended", "body_overflowed", nullptr};
constexpr lua_Integer kBodyKey = 8;
constexpr const char* kResponseKeys[] = {"status", "body", "body_ended", "body_overflowed", nullptr};
constexpr lua_Integer kResponseBodyKey = 2;

int fail(lua_State* L, const char* what, postern_status status) {
  return luaL_error(L, "%s: %s", what, status_word(status));
}

Task& check_body_hook(lua_State* L, Phase phase) {
  Task& task = Task::of(L);
  if (task.phase != phase) luaL_error(L, "body: only in %s", phase_name(phase));
  return task;
}

// `which` counts from the body key: 0 the bytes, 1 ended, 2 overflowed.
int push_body_field(lua_State* L, Phase phase, lua_Integer which) {
  const Task& task = check_body_hook(L, phase);
  if (which == 0)
    push_text(L, task.bytes);
  else
    lua_pushboolean(L, (task.body_flags & (which == 1 ? POSTERN_BODY_END : POSTERN_BODY_OVERFLOWED)) != 0);
  return 1;
}

int set_body(lua_State* L, Phase phase, std::uint32_t message) {
  Task& task = check_body_hook(L, phase);
  const std::string_view bytes = lua_isnil(L, 3) ? std::string_view() : check_text(L, 3);
  const postern_status status = host().body->replace(task.exchange, message, to_str(bytes));
  if (status == POSTERN_E_STATE) return luaL_error(L, "body: declare it with modifies = true to change it");
  if (status < 0) return fail(L, "body", status);
  task.body_copy.assign(bytes);
  task.bytes = to_str(task.body_copy);
  return 0;
}

int request_index(lua_State* L) {
  const lua_Integer key = key_number(L);
  if (key >= kBodyKey) return push_body_field(L, Phase::request_body, key - kBodyKey);
  if (key == 0) return unknown_field(L, "request");
  postern_str value{};
  const postern_status status =
      host().exchange->request_get(check_exchange(L), static_cast<std::uint32_t>(key - 1), &value);
  if (status < 0) return fail(L, "request", status);
  push_text(L, value);
  return 1;
}

int request_newindex(lua_State* L) {
  const lua_Integer key = key_number(L);
  if (key == kBodyKey) return set_body(L, Phase::request_body, POSTERN_REQUEST);
  if (key == 0 || key > kBodyKey) return unknown_field(L, "request");
  const postern_status status =
      host().exchange->request_set(check_exchange(L), static_cast<std::uint32_t>(key - 1), check_str(L, 3));
  if (status < 0) return luaL_error(L, "cannot set request.%s: %s", kRequestKeys[key - 1], status_word(status));
  return 0;
}

int response_index(lua_State* L) {
  const lua_Integer key = key_number(L);
  if (key >= kResponseBodyKey) return push_body_field(L, Phase::response_body, key - kResponseBodyKey);
  if (key == 0) return unknown_field(L, "response");
  std::uint32_t status = 0;
  if (host().exchange->status_get(check_exchange(L), &status) == POSTERN_OK)
    lua_pushinteger(L, status);
  else
    lua_pushnil(L);
  return 1;
}

int response_newindex(lua_State* L) {
  const lua_Integer key = key_number(L);
  if (key == kResponseBodyKey) return set_body(L, Phase::response_body, POSTERN_RESPONSE);
  if (key != 1) return unknown_field(L, "response");
  const lua_Integer wanted = luaL_checkinteger(L, 3);
  if (wanted < 200 || wanted > 599) return luaL_error(L, "response.status must lie between 200 and 599");
  const postern_status status = host().exchange->status_set(check_exchange(L), static_cast<std::uint32_t>(wanted));
  return status < 0 ? fail(L, "response.status", status) : 0;
}

// request:detach_body(): no more body hooks of this script for this exchange.
template <std::uint32_t message>
int detach_body(lua_State* L) {
  return return_status(L, host().body->detach(check_exchange(L), message));
}

// request:stream_body(): this one in pieces, although the script declared "buffer".
template <std::uint32_t message>
int stream_body(lua_State* L) {
  if (!POSTERN_HAS(host().body, postern_body_table, stream)) return return_status(L, POSTERN_E_STATE);
  return return_status(L, host().body->stream(check_exchange(L), message));
}

// request:give_body(text): for a request that came without one.
int give_body(lua_State* L) {
  if (!POSTERN_HAS(host().body, postern_body_table, give)) return return_status(L, POSTERN_E_STATE);
  return return_status(L, host().body->give(check_exchange(L), POSTERN_REQUEST, check_str(L, 2)));
}

template <std::uint32_t message>
void push_parts(lua_State* L, std::uint32_t trailers) {
  lua_newtable(L);
  push_headers_object(L, message);
  lua_setfield(L, -2, "headers");
  push_headers_object(L, trailers);
  lua_setfield(L, -2, "trailers");
  set_header_methods(L, message);
  set_function(L, "detach_body", detach_body<message>);
  set_function(L, "stream_body", stream_body<message>);
}

}  // namespace

void push_request_object(lua_State* L) {
  push_parts<POSTERN_REQUEST>(L, POSTERN_REQUEST_TRAILERS);
  set_function(L, "give_body", give_body);
  push_object(L, {"request", request_index, request_newindex, kRequestKeys}, true);
}

void push_response_object(lua_State* L) {
  push_parts<POSTERN_RESPONSE>(L, POSTERN_RESPONSE_TRAILERS);
  push_object(L, {"response", response_index, response_newindex, kResponseKeys}, true);
}

}  // namespace postern::lua
