#include "client/client_session.h"

#include "client/client_connection.h"
#include "exchange/worker_context.h"

namespace postern::proxy {

const ClientFacts& ClientSession::client() const noexcept { return connection_; }

void ClientSession::pump_later() {
  if (pump_planned_ || connection_.closed()) return;
  pump_planned_ = true;
  auto run = [this, handle = connection_.handle()] {  // small enough for std::function to keep without memory
    if (WorkerContext::current()->connections().find(handle) == nullptr) return;
    pump_planned_ = false;
    pump();
  };
  connection_.worker().loop().defer(run);
}

}  // namespace postern::proxy
