// Functions that wait: postern.sleep, postern.http. The coroutine yields; the gateway's callback goes on with it.
#include <postern/text/ascii.h>

#include <algorithm>

#include "api/api.h"
#include "api/json.h"
#include "api/values.h"
#include "fence.h"
#include "scheduler.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr std::uint64_t kMaxHeaders = 100;
constexpr std::uint64_t kDefaultBody = 1u << 20;

int after_sleep(lua_State* L, int, lua_KContext) {
  lua_pushboolean(L, 1);
  return 1;
}

void on_timer(void* user) {
  Task* task = static_cast<Task*>(user);
  fenced(task->state->instance(), [&] { wake(task, 0); });
}

void on_answer(void* user, const postern_call_response* answer) {
  Task* task = static_cast<Task*>(user);
  task->answer = answer;
  fenced(task->state->instance(), [&] { wake(task, 0); });
}

// A table by lower-case name; fields that came more than once are joined by ", " (RFC 9110 section 5.3).
void push_answer_headers(lua_State* L, const postern_call_response& answer) {
  lua_createtable(L, 0, static_cast<int>(answer.header_count));
  for (std::uint64_t i = 0; i < answer.header_count; ++i) {
    const std::string name = to_lower(view(answer.headers_view[i].name));
    push_text(L, name);
    push_text(L, name);
    if (lua_rawget(L, -3) == LUA_TNIL) {
      lua_pop(L, 1);
      push_text(L, answer.headers_view[i].value);
    } else {
      lua_pushliteral(L, ", ");
      push_text(L, answer.headers_view[i].value);
      lua_concat(L, 3);
    }
    lua_rawset(L, -3);
  }
}

// Runs while the call's callback is on the stack below, so the answer is still there.
int after_call(lua_State* L, int, lua_KContext) {
  const postern_call_response& answer = *Task::of(L).answer;
  if (answer.result != POSTERN_OK) return return_error(L, answer.result);
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, answer.status);
  lua_setfield(L, -2, "status");
  push_answer_headers(L, answer);
  lua_setfield(L, -2, "headers");
  push_text(L, answer.body_view);
  lua_setfield(L, -2, "body");
  return 1;
}

// Fills the array at a userdata that it pushes; the texts stay on the stack's table.
void push_request_headers(lua_State* L, postern_call_request& request) {
  auto* list = static_cast<postern_header*>(lua_newuserdatauv(L, sizeof(postern_header) * kMaxHeaders, 0));
  const int kept = lua_gettop(L);
  request.headers = list;
  if (lua_getfield(L, 2, "headers") == LUA_TNIL) return;
  if (!lua_istable(L, -1)) luaL_error(L, "postern.http: headers must be a table");
  const int headers = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, headers) != 0; lua_pop(L, 1)) {
    if (request.header_count == kMaxHeaders)
      luaL_error(L, "postern.http: more than %d headers", static_cast<int>(kMaxHeaders));
    // A number would become a text that nothing but this stack slot keeps alive.
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "postern.http: header names and values must be strings");
    list[request.header_count++] = {check_str(L, -2), check_str(L, -1)};
  }
  lua_settop(L, kept + 1);
}

void push_request_body(lua_State* L, postern_call_request& request) {
  if (lua_getfield(L, 2, "body") == LUA_TTABLE) {
    const std::string text = encode_json(L, lua_gettop(L));
    push_text(L, text);
    lua_replace(L, -2);
  }
  if (!lua_isnil(L, -1)) request.body = check_str(L, -1);
}

std::uint32_t timeout_field(lua_State* L) {
  const std::uint64_t ms = milliseconds_field(L, 2, "timeout", 0);
  return ms > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(ms);
}

// The gateway gathers the answer outside of the script's memory, but it is to fit in there.
std::uint64_t max_body_field(lua_State* L) {
  const std::size_t memory = State::of(L).limits().memory;
  const lua_Integer most = integer_field(L, 2, "max_body", 0);
  if (most < 0 || static_cast<std::uint64_t>(most) > memory)
    luaL_error(L, "postern.http: field 'max_body' must lie between 0 and the script's memory limit, %I",
               static_cast<lua_Integer>(memory));
  return most > 0 ? static_cast<std::uint64_t>(most) : std::min<std::uint64_t>(kDefaultBody, memory);
}

postern_call_request make_request(lua_State* L) {
  postern_call_request request{};
  request.struct_size = sizeof request;
  request.upstream = check_str(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  request.method = to_str(push_text_field(L, 2, "method"));
  if (request.method.len == 0) request.method = to_str("GET");
  request.target = to_str(push_text_field(L, 2, "path"));
  if (request.target.len == 0) request.target = to_str("/");
  request.timeout_ms = timeout_field(L);
  request.max_response_body = max_body_field(L);
  push_request_headers(L, request);
  push_request_body(L, request);
  return request;
}

}  // namespace

// postern.sleep(seconds or "50ms")
int sleep_for(lua_State* L) {
  const std::uint64_t delay_ms = check_milliseconds(L, 1, "the time to sleep");
  Task& task = check_suspendable(L, "postern.sleep");
  task.handle = host().timer->start(check_instance(L, "postern.sleep"), delay_ms, 0, on_timer, &task);
  if (task.handle == 0) return return_error(L, POSTERN_E_LIMIT);
  task.pending = Pending::timer;
  task.wait_ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(delay_ms, UINT32_MAX));
  return lua_yieldk(L, 0, 0, after_sleep);
}

// postern.http(upstream, {method, path, headers, body, timeout, max_body}): {status, headers, body}, or nil and why
int http_call(lua_State* L) {
  lua_settop(L, 2);
  Task& task = check_suspendable(L, "postern.http");
  postern_instance instance = check_instance(L, "postern.http");
  const postern_call_request request = make_request(L);
  task.handle = host().call->start(instance, &request, on_answer, &task);
  if (task.handle == 0) return return_error(L, POSTERN_E_INVALID);
  task.pending = Pending::call;
  return lua_yieldk(L, 0, 0, after_call);
}

}  // namespace postern::lua
