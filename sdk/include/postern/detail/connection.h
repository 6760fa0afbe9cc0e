// Connection: an accepted client connection, inside on_connection and in a walk over those that are open.
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

  std::string_view tls_version() const { return detail::to_view(info().tls_version_view); }
  std::string_view tls_cipher() const { return detail::to_view(info().tls_cipher_view); }
  bool tls_resumed() const { return info().tls_resumed != 0; }
  // The client has shown a certificate, and it is good. The texts are empty when it has shown none.
  bool client_verified() const { return info().client_verified != 0; }
  std::string_view client_subject() const { return detail::to_view(info().client_subject_view); }  // "CN=alice"
  std::string_view client_issuer() const { return detail::to_view(info().client_issuer_view); }
  std::string_view client_names() const { return detail::to_view(info().client_names_view); }  // "DNS:a.example,IP:..."
  std::string_view client_fingerprint() const { return detail::to_view(info().client_fingerprint_view); }  // SHA-256
  std::string_view client_serial() const { return detail::to_view(info().client_serial_view); }
  std::string_view client_not_before() const { return detail::to_view(info().client_not_before_view); }
  std::string_view client_not_after() const { return detail::to_view(info().client_not_after_view); }
  std::string_view client_certificate() const { return detail::to_view(info().client_certificate_view); }  // PEM

  // Where the client has come to: an address of this machine, "unix" on a unix socket.
  std::string_view local_address() const { return detail::to_view(info().local_address_view); }
  std::uint32_t local_port() const { return info().local_port; }

  std::uint64_t opened_unix_ms() const { return info().opened_unix_ms; }
  std::uint64_t exchanges() const { return info().exchanges; }  // that are open on it
  std::string_view protocol() const { return detail::to_view(info().protocol_view); }

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

namespace detail {
inline postern_connection next_connection(postern_connection after) {
  return POSTERN_OFFERS(connection, next) ? host.connection->next(after) : 0;
}
}  // namespace detail

// The client connections of the calling worker: `for (Connection c : OpenConnections(own))`. As OpenExchanges.
using OpenConnections = detail::OpenRange<Connection, detail::next_connection>;

}  // namespace postern
