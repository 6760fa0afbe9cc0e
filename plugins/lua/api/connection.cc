// The object `connection` of on_connection: the client's address and what TLS tells of it.
#include "api/api.h"
#include "api/values.h"
#include "verdict.h"

namespace postern::lua {
namespace {

constexpr const char* kKeys[] = {"ip",
                                 "port",
                                 "listener",
                                 "tls",
                                 "server_name",
                                 "alpn",
                                 "worker",
                                 "tls_version",
                                 "tls_cipher",
                                 "tls_resumed",
                                 "client_verified",
                                 "client_subject",
                                 "client_issuer",
                                 "client_names",
                                 "client_fingerprint",
                                 "client_serial",
                                 "client_not_before",
                                 "client_not_after",
                                 nullptr};
constexpr const char* kName = "connection";

postern_connection check_connection(lua_State* L) {
  const Task& task = Task::of(L);
  if (task.connection == 0) luaL_error(L, "connection: only in on_connection");
  return task.connection;
}

// An empty string is nil: a name that the client did not send.
int push_name(lua_State* L, postern_str name) {
  name.len == 0 ? lua_pushnil(L) : push_text(L, name);
  return 1;
}

int index(lua_State* L) {
  postern_connection_info info{};
  info.struct_size = sizeof info;
  const postern_status status = host().connection->info(check_connection(L), &info);
  if (status < 0) luaL_error(L, "connection: %s", status_word(status));
  switch (key_number(L)) {
    case 1:
      return push_name(L, info.peer_address_view);
    case 2:
      lua_pushinteger(L, info.peer_port);
      return 1;
    case 3:
      return push_name(L, info.listener_view);
    case 4:
      lua_pushboolean(L, info.tls != 0);
      return 1;
    case 5:
      return push_name(L, info.server_name_view);
    case 6:
      return push_name(L, info.alpn_view);
    case 7:
      lua_pushinteger(L, info.worker);
      return 1;
    case 8:
      return push_name(L, info.tls_version_view);
    case 9:
      return push_name(L, info.tls_cipher_view);
    case 10:
      lua_pushboolean(L, info.tls_resumed != 0);
      return 1;
    case 11:
      lua_pushboolean(L, info.client_verified != 0);
      return 1;
    case 12:
      return push_name(L, info.client_subject_view);
    case 13:
      return push_name(L, info.client_issuer_view);
    case 14:
      return push_name(L, info.client_names_view);
    case 15:
      return push_name(L, info.client_fingerprint_view);
    case 16:
      return push_name(L, info.client_serial_view);
    case 17:
      return push_name(L, info.client_not_before_view);
    case 18:
      return push_name(L, info.client_not_after_view);
    default:
      return unknown_field(L, kName);
  }
}

// connection:abort()
int abort_connection(lua_State* L) {
  check_connection(L);
  return push_verdict(L, POSTERN_ABORT);
}

}  // namespace

void push_connection_object(lua_State* L) {
  lua_newtable(L);
  set_function(L, "abort", abort_connection);
  push_object(L, {kName, index, nullptr, kKeys}, true);
}

}  // namespace postern::lua
