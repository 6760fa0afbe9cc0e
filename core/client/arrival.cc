#include "client/arrival.h"

#include <string>
#include <utility>

#include "client/connection_keeper.h"
#include "client/handshake_metrics.h"
#include "exchange/worker_context.h"
#include "net/proxy_protocol.h"

namespace postern::proxy {
namespace {

// A client that speaks plain HTTP to a TLS port is told so in HTTP.
constexpr std::string_view kPlainHttp =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 87\r\nConnection: close\r\n\r\n"
    R"({"error":{"code":"BAD_REQUEST","message":"this port speaks TLS: use https in the URL"}})";

std::string peer_of(const net::Stream& stream) {
  return stream.peer_port() == 0 ? stream.peer_host() : stream.peer_host() + ":" + std::to_string(stream.peer_port());
}

}  // namespace

Arrival::Arrival(WorkerContext& worker, ConnectionKeeper& keeper, std::string_view listener)
    : worker_(worker), keeper_(keeper), listener_(listener), deadline_(&Arrival::on_deadline, this) {}

void Arrival::start(const ListenerPlan& listener, std::unique_ptr<net::Stream> stream) {
  const auto& timeouts = worker_.plan()->plan().config->timeouts;
  worker_.loop().arm(deadline_, static_cast<std::uint64_t>(timeouts.handshake));
  if (listener.tls != nullptr) context_ = listener.tls->current();
  stream_ = std::move(stream);
  peer_ = peer_of(*stream_);
  listener.config->proxy_protocol ? await_header(listener) : go_on();
}

// ---- PROXY header ------------------------------------------------------------------------------------------------------

// Nothing is called inside start(): a sender that is not trusted is refused when it speaks.
void Arrival::await_header(const ListenerPlan& listener) {
  const std::string& sender = stream_->peer_host();
  bool local = sender == "unix";  // the socket file's permissions decide which processes may send
  trusted_ = local || listener.senders.empty() || listener.senders.trusts(sender);
  stream_->set_owner(this);
  stream_->start_reading();
}

void Arrival::on_read(std::string_view bytes) {
  if (!trusted_)
    return fail("proxy_header",
                "PROXY header refused: " + stream_->peer_host() + " is not in the listener's proxy_protocol.trusted");
  header_.append(bytes);
  auto parsed = net::parse_proxy_header(header_);
  if (!parsed) return fail("proxy_header", parsed.error().text);
  if (!*parsed) return;
  const net::ProxyHeader& header = **parsed;
  stream_->stop_reading();
  stream_->set_owner(nullptr);
  if (header.size < header_.size()) stream_->unread(header_.substr(header.size));
  if (!header.host.empty()) stream_->set_peer(header.host, header.port);
  if (!header.host.empty()) peer_ = peer_of(*stream_) + " by " + peer_;
  go_on();
}

void Arrival::on_eof() { fail("closed", "the connection was closed before the PROXY header"); }

void Arrival::on_stream_error(const Error& error) { fail("closed", error.text); }

// ---- TLS ---------------------------------------------------------------------------------------------------------------

void Arrival::go_on() {
  if (context_ == nullptr) {
    deadline_.cancel();
    return keeper_.admit(*this, std::move(stream_));
  }
  handshake_ = net::TlsHandshake::accept(worker_.loop(), std::move(stream_), std::move(context_),
                                         [this](net::TlsHandshake::Outcome o) { on_handshake(std::move(o)); });
}

void Arrival::on_handshake(net::TlsHandshake::Outcome outcome) {
  if (!outcome) return refuse(std::move(outcome.error()));
  deadline_.cancel();
  count_handshake((*outcome)->tls()->resumed);
  keeper_.admit(*this, std::move(*outcome));
}

// The alert that says why reaches the client only when the connection is not torn down with what it still sends.
void Arrival::refuse(net::TlsFailure failure) {
  using Reason = net::TlsFailure::Reason;
  bool plain = failure.reason == Reason::plain_http;
  if (plain) failure.stream->append(kPlainHttp);
  std::string why = plain ? "HTTP came in plain text" : failure.text;
  log_failed_handshake(listener_, peer_, name_of(failure.reason), why);
  if (failure.reason != Reason::closed) keeper_.linger(std::move(failure.stream));
  end();
}

// ---- The end -----------------------------------------------------------------------------------------------------------

void Arrival::on_deadline(void* raw) {
  static_cast<Arrival*>(raw)->fail("timeout", "the handshake was not finished in time");
}

void Arrival::fail(std::string_view kind, std::string_view why) {
  log_failed_handshake(listener_, peer_, kind, why);
  end();
}

void Arrival::abort() { end(); }

void Arrival::end() {
  deadline_.cancel();
  handshake_.reset();
  if (stream_ != nullptr) {
    stream_->set_owner(nullptr);
    stream_->stop_reading();
  }
  keeper_.remove(*this);
}

}  // namespace postern::proxy
