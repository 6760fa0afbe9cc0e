// "connection": the client connections of a worker; what can be decided of one is decided inside on_connection.
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

using proxy::ClientConnection;
using proxy::WorkerContext;

postern_status info(postern_connection handle, postern_connection_info* info) {
  if (info == nullptr || info->struct_size < sizeof(info->struct_size)) return POSTERN_E_INVALID;
  return with_connection(handle, [&](ClientConnection& c) {
    postern_connection_info full{};
    full.struct_size = sizeof full;
    c.info(full);
    fill_sized(*info, full);
    return POSTERN_OK;
  });
}

postern_status pause(postern_connection handle, postern_ticket* ticket) {
  if (ticket == nullptr) return POSTERN_E_INVALID;
  return with_connection(handle, [&](ClientConnection& c) { return c.pause(*ticket); });
}

postern_status resume_here(WorkerContext& worker, postern_ticket ticket, postern_verdict verdict) {
  ClientConnection* c = worker.connections().find(ticket.exchange);
  return c == nullptr ? POSTERN_E_GONE : c->resume(ticket.pause, verdict);
}

postern_status resume(postern_ticket ticket, postern_verdict verdict) noexcept {
  if (verdict != POSTERN_CONTINUE && verdict != POSTERN_ABORT && verdict != POSTERN_ERROR) return POSTERN_E_INVALID;
  std::int32_t owner = proxy::worker_of_handle(ticket.exchange);
  WorkerContext* worker = owner < 0 ? nullptr : WorkerContext::at(static_cast<std::uint32_t>(owner));
  if (worker == nullptr) return POSTERN_E_GONE;
  if (worker == WorkerContext::current()) return resume_here(*worker, ticket, verdict);
  bool posted = worker->loop().post([worker, ticket, verdict] { resume_here(*worker, ticket, verdict); });
  return posted ? POSTERN_OK : POSTERN_E_GONE;
}

postern_connection next(postern_connection after) {
  WorkerContext* worker = WorkerContext::current();
  return worker == nullptr ? 0 : worker->connections().next(after);
}

}  // namespace

const postern_connection_table& connection_table() {
  static const postern_connection_table table{sizeof(table), 1, &info, &pause, &resume, &next};
  return table;
}

}  // namespace postern::plugin
