#include "host.h"

namespace postern::lua {
namespace {

Host tables;

template <class Table>
bool resolve(const postern_host* from, const char* name, const Table*& table) {
  table = static_cast<const Table*>(from->get_interface(from, to_str(name), 1));
  return table != nullptr;
}

}  // namespace

bool resolve_host(const postern_host* from) {
  return resolve(from, "config", tables.config) && resolve(from, "instance", tables.instance) &&
         resolve(from, "exchange", tables.exchange) && resolve(from, "body", tables.body) &&
         resolve(from, "log", tables.log) && resolve(from, "metrics", tables.metrics) &&
         resolve(from, "timer", tables.timer) && resolve(from, "dict", tables.dict) &&
         resolve(from, "call", tables.call) && resolve(from, "upstream", tables.upstream) &&
         resolve(from, "loop", tables.loop) && resolve(from, "connection", tables.connection) &&
         resolve(from, "expression", tables.expression);
}

const Host& host() { return tables; }

const char* status_word(postern_status status) {
  switch (status) {
    case POSTERN_E_GONE:
      return "gone";
    case POSTERN_E_INVALID:
      return "invalid";
    case POSTERN_E_STATE:
      return "not allowed here";
    case POSTERN_E_NOT_FOUND:
      return "not found";
    case POSTERN_E_LIMIT:
      return "limit";
    case POSTERN_E_EXISTS:
      return "exists";
    case POSTERN_E_CONFLICT:
      return "conflict";
    case POSTERN_E_TYPE:
      return "type";
    case POSTERN_E_CONNECT:
      return "connect";
    case POSTERN_E_TIMEOUT:
      return "timeout";
    case POSTERN_E_PROTOCOL:
      return "protocol";
    default:
      return "failed";
  }
}

}  // namespace postern::lua
