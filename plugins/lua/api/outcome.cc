// The third argument of on_upstream_result (`result`) and on_complete (`completion`): views of the gateway's structs,
// valid while the hook runs.
#include "api/api.h"
#include "api/values.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr const char* kResultKeys[] = {"outcome",    "status",      "attempt",   "upstream",   "endpoint",
                                       "connect_ms", "duration_ms", "retryable", "never_sent", nullptr};
constexpr const char* kOutcomes[] = {"response", "connect_failed", "reset",      "timeout",
                                     "protocol", "overloaded",     "no_endpoint"};
constexpr const char* kCompletionKeys[] = {"finish",
                                           "status",
                                           "origin",
                                           "request_head_bytes",
                                           "request_body_bytes",
                                           "response_head_bytes",
                                           "response_body_bytes",
                                           "duration_ms",
                                           "upstream_duration_ms",
                                           "upstream_connect_ms",
                                           "attempts",
                                           "error_code",
                                           "error_cause",
                                           nullptr};
constexpr const char* kEnds[] = {"ok",      "client_gone", "client_timeout", "upstream",
                                 "aborted", "shutdown",    "bad_request"};
constexpr const char* kOrigins[] = {"none", "upstream", "local", "cache"};

template <std::size_t N>
int push_name(lua_State* L, const char* const (&names)[N], std::uint32_t number) {
  lua_pushstring(L, number < N ? names[number] : "unknown");
  return 1;
}

int push_milliseconds(lua_State* L, std::uint64_t ns) {
  lua_pushnumber(L, static_cast<lua_Number>(ns) / 1e6);
  return 1;
}

int push_count(lua_State* L, std::uint64_t count) {
  lua_pushinteger(L, static_cast<lua_Integer>(count));
  return 1;
}

int push_string(lua_State* L, postern_str text) {
  push_text(L, text);
  return 1;
}

int push_flag(lua_State* L, std::uint32_t flag) {
  lua_pushboolean(L, flag != 0);
  return 1;
}

int result_index(lua_State* L) {
  const postern_upstream_result* result = Task::of(L).result;
  if (result == nullptr) return luaL_error(L, "result: only in on_upstream_result");
  switch (key_number(L)) {
    case 1:
      return push_name(L, kOutcomes, result->outcome);
    case 2:
      return push_count(L, result->status);
    case 3:
      return push_count(L, result->attempt);
    case 4:
      return push_string(L, result->upstream_view);
    case 5:
      return push_string(L, result->endpoint_view);
    case 6:
      return push_milliseconds(L, result->connect_ns);
    case 7:
      return push_milliseconds(L, result->duration_ns);
    case 8:
      return push_flag(L, result->retryable);
    case 9:
      return push_flag(L, result->never_sent);
    default:
      return unknown_field(L, "result");
  }
}

int completion_index(lua_State* L) {
  const postern_completion* completion = Task::of(L).completion;
  if (completion == nullptr) return luaL_error(L, "completion: only in on_complete");
  switch (key_number(L)) {
    case 1:
      return push_name(L, kEnds, completion->end);
    case 2:
      return push_count(L, completion->status);
    case 3:
      return push_name(L, kOrigins, completion->origin);
    case 4:
      return push_count(L, completion->request_head_bytes);
    case 5:
      return push_count(L, completion->request_body_bytes);
    case 6:
      return push_count(L, completion->response_head_bytes);
    case 7:
      return push_count(L, completion->response_body_bytes);
    case 8:
      return push_milliseconds(L, completion->duration_ns);
    case 9:
      return push_milliseconds(L, completion->upstream_duration_ns);
    case 10:
      return push_milliseconds(L, completion->upstream_connect_ns);
    case 11:
      return push_count(L, completion->attempts);
    case 12:
      return push_string(L, completion->error_code_view);
    case 13:
      return push_string(L, completion->error_cause_view);
    default:
      return unknown_field(L, "completion");
  }
}

}  // namespace

HookArguments keep_hook_arguments(lua_State* L) {
  push_connection_object(L);
  const int connection = luaL_ref(L, LUA_REGISTRYINDEX);
  push_object(L, {"result", result_index, nullptr, kResultKeys}, false);
  const int result = luaL_ref(L, LUA_REGISTRYINDEX);
  push_object(L, {"completion", completion_index, nullptr, kCompletionKeys}, false);
  return {connection, result, luaL_ref(L, LUA_REGISTRYINDEX)};
}

int push_hook_argument(const Task& task) {
  const HookArguments& kept = task.state->hook_arguments();
  if (task.result == nullptr && task.completion == nullptr) return 0;
  lua_rawgeti(task.coroutine, LUA_REGISTRYINDEX, task.result != nullptr ? kept.result : kept.completion);
  return 1;
}

}  // namespace postern::lua
