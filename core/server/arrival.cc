#include "server/arrival.h"

#include <string>
#include <utility>

#include "base/log.h"
#include "server/server_metrics.h"
#include "server/worker.h"

namespace postern::server {
namespace {

// Whoever speaks HTTP to a port of TLS is told so in HTTP.
constexpr std::string_view kPlainHttp =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 87\r\nConnection: close\r\n\r\n"
    R"({"error":{"code":"BAD_REQUEST","message":"this port speaks TLS: use https in the URL"}})";

std::string peer_of(const net::Stream& stream) {
  return stream.peer_port() == 0 ? stream.peer_host() : stream.peer_host() + ":" + std::to_string(stream.peer_port());
}

}  // namespace

Arrival::Arrival(Worker& worker, std::string_view listener)
    : worker_(worker), listener_(listener), deadline_(&Arrival::on_deadline, this) {}

void Arrival::start(const ListenerPlan& listener, std::unique_ptr<net::Stream> stream) {
  const auto& timeouts = worker_.plan()->plan().config->timeouts;
  worker_.loop().arm(deadline_, static_cast<std::uint64_t>(timeouts.handshake));
  context_ = listener.tls->current();
  shake_hands(std::move(stream));
}

void Arrival::shake_hands(std::unique_ptr<net::Stream> stream) {
  peer_ = peer_of(*stream);
  handshake_ = net::TlsHandshake::accept(worker_.loop(), std::move(stream), std::move(context_),
                                         [this](net::TlsHandshake::Outcome o) { on_handshake(std::move(o)); });
}

void Arrival::on_handshake(net::TlsHandshake::Outcome outcome) {
  if (!outcome) return refuse(std::move(outcome.error()));
  deadline_.cancel();
  count_handshake((*outcome)->tls()->resumed);
  worker_.admit(*this, std::move(*outcome));
}

// The alert that says why reaches the client only when the connection is not torn down with what it still sends.
void Arrival::refuse(net::TlsFailure failure) {
  using Reason = net::TlsFailure::Reason;
  bool plain = failure.reason == Reason::plain_http;
  if (plain) failure.stream->append(kPlainHttp);
  std::string why = plain ? "HTTP came in plain text" : failure.text;
  log_failed_handshake(listener_, peer_, name_of(failure.reason), why);
  if (failure.reason != Reason::closed) worker_.linger(std::move(failure.stream));
  end();
}

void Arrival::on_deadline(void* raw) {
  auto* self = static_cast<Arrival*>(raw);
  log_failed_handshake(self->listener_, self->peer_, "timeout", "the handshake was not finished in time");
  self->end();
}

void Arrival::abort() { end(); }

void Arrival::end() {
  deadline_.cancel();
  handshake_.reset();
  worker_.remove(*this);
}

}  // namespace postern::server
