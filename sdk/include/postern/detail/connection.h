// Connection: an accepted client connection, inside on_connection.
#pragma once

#include "postern/detail/exchange.h"

namespace postern {

// A pause of one connection; harmless in the same ways as a Ticket.
class ConnectionTicket {
 public:
  ConnectionTicket() = default;
  explicit ConnectionTicket(postern_ticket raw) : raw_(raw) {}
  explicit operator bool() const { return raw_.exchange != 0; }
  // CONTINUE, ABORT or ERROR.
  Status resume(Verdict verdict = Verdict::CONTINUE) const {
    if (!POSTERN_OFFERS(connection, resume)) return POSTERN_E_STATE;
    return detail::host.connection->resume(raw_, static_cast<postern_verdict>(verdict));
  }

 private:
  postern_ticket raw_ = {};
};

class Connection {
 public:
  Connection(postern_connection raw, postern_instance instance) : raw_(raw), instance_(instance) {}
  postern_connection raw() const { return raw_; }
  Instance instance() const { return Instance(instance_); }

  std::string_view peer_address() const {
    return detail::to_view(info().peer_address_view);
  }  // "unix" on a unix socket
  std::uint32_t peer_port() const { return info().peer_port; }
  bool tls() const { return info().tls != 0; }
  std::string_view listener() const { return detail::to_view(info().listener_view); }
  std::string_view server_name() const { return detail::to_view(info().server_name_view); }
  std::string_view alpn() const { return detail::to_view(info().alpn_view); }

  // The hook must then return Verdict::SUSPEND.
  ConnectionTicket pause() const {
    postern_ticket ticket = {};
    if (!POSTERN_OFFERS(connection, pause) || detail::host.connection->pause(raw_, &ticket) != POSTERN_OK) return {};
    return ConnectionTicket(ticket);
  }

 private:
  postern_connection_info info() const {
    postern_connection_info info = {};
    info.struct_size = sizeof info;
    if (POSTERN_OFFERS(connection, info)) detail::host.connection->info(raw_, &info);
    return info;
  }
  postern_connection raw_;
  postern_instance instance_;
};

}  // namespace postern
