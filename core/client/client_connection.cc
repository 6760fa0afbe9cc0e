#include "client/client_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "client/connection_keeper.h"
#include "client/h1_session.h"
#include "client/h2_session.h"
#include "exchange/tls_values.h"
#include "exchange/worker_context.h"
#include "http/h2_server_codec.h"

namespace postern::proxy {

ClientConnection::ClientConnection(WorkerContext& worker, ConnectionKeeper& keeper, std::string_view listener,
                                   std::unique_ptr<net::Stream> stream)
    : worker_(worker),
      keeper_(keeper),
      handle_(worker.connections().add(*this)),
      hooks_(worker, handle_),
      listener_(listener),
      stream_(std::move(stream)),
      deadline_(&ClientConnection::on_deadline, this),
      write_deadline_(&ClientConnection::on_write_deadline, this),
      opened_ns_(worker.loop().event_ns()) {
  stream_->set_owner(this);
}

ClientConnection::~ClientConnection() { worker_.connections().remove(handle_); }

// ---- Admission -------------------------------------------------------------------------------------------------------

void ClientConnection::start() { go_on(hooks_.start()); }

void ClientConnection::go_on(ConnectionHooks::Outcome outcome) {
  switch (outcome) {
    case ConnectionHooks::Outcome::waiting:
      return worker_.loop().arm(deadline_, hooks_.patience_ms());
    case ConnectionHooks::Outcome::refused:
      return close();
    case ConnectionHooks::Outcome::admitted:
      return admit();
  }
}

postern_status ClientConnection::resume(std::uint64_t pause, postern_verdict verdict) {
  if (verdict == POSTERN_SUSPEND) return POSTERN_E_INVALID;
  if (closed_ || !hooks_.resume(pause, verdict)) return POSTERN_E_GONE;
  if (hooks_.in_hook()) return POSTERN_OK;
  auto go_on = [](WorkerContext& worker, std::uint64_t connection, std::uint64_t number) {
    if (ClientConnection* c = worker.connections().find(connection)) c->go_on_with(number);
  };
  worker_.resumptions().add(go_on, handle_, pause);
  return POSTERN_OK;
}

void ClientConnection::go_on_with(std::uint64_t pause) {
  if (!closed_ && hooks_.resumed(pause)) go_on(hooks_.go_on());
}

void ClientConnection::info(postern_connection_info& out) const {
  postern_connection_info full{};
  full.struct_size = out.struct_size;
  full.worker = worker_.index();
  full.peer_address_view = {peer_host().data(), peer_host().size()};
  full.peer_port = peer_port();
  full.listener_view = {listener_.data(), listener_.size()};
  const net::Address& local = local_address();
  full.local_address_view = {local.host.data(), local.host.size()};
  full.local_port = local.port;
  fill_tls_info(stream_->tls(), full);
  full.opened_unix_ms = system_clock().unix_ms() - (system_clock().now_ns() - opened_ns_) / 1'000'000;
  if (session_ != nullptr) {
    auto protocol = http::name_of(session_->protocol());
    full.protocol_view = {protocol.data(), protocol.size()};
    full.exchanges = session_->exchanges();
  }
  std::memcpy(&out, &full, std::min<std::size_t>(out.struct_size, sizeof full));
}

// Asked of the system once, and only for those who want to know.
const net::Address& ClientConnection::local_address() const {
  if (local_address_ == nullptr) {
    auto address = std::make_unique<net::Address>(stream_->local_address());
    if (address->kind == net::Address::Kind::unix_path) address->host = "unix";
    local_address_ = std::move(address);
  }
  return *local_address_;
}

std::string ClientConnection::proxy_header(net::ProxyVersion version) const {
  net::Address peer{net::Address::Kind::ip, peer_host(), peer_port()};  // "unix" is none, and is seen to
  return net::proxy_header(version, peer, stream_->local_address());
}

// ---- The choice of protocol ------------------------------------------------------------------------------------------

// Which protocols the listener has. One that is no longer configured has both, for what has come through it before.
ClientConnection::Protocols ClientConnection::protocols() const noexcept {
  for (const auto& listener : worker_.plan()->plan().config->listeners) {
    if (listener.name != listener_) continue;
    const auto& names = listener.protocols;
    auto has = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    return {has("http/1.1"), has("h2")};
  }
  return {true, true};
}

void ClientConnection::admit() {
  admitted_ = true;
  auto [http1, http2] = protocols();
  if (tls() != nullptr && http1)
    http2 = tls()->alpn == "h2";  // only ALPN speaks for HTTP/2 here (RFC 9113 section 3.2)
  if (tls() != nullptr && http2) http1 = false;
  if (!http2) {
    speak(make_h1_session(*this));
  } else if (!http1) {
    speak(make_h2_session(*this));
  } else {
    arm(timeouts().header_read);  // HTTP/2's preface tells
  }
  stream_->start_reading();
}

void ClientConnection::speak(std::unique_ptr<ClientSession> session) {
  session_ = std::move(session);
  session_->start();
  if (draining_) session_->drain();
}

// Without TLS a client that speaks HTTP/2 says so at once; the first byte that differs is HTTP/1's.
void ClientConnection::choose(std::string_view bytes) {
  std::string before = std::exchange(first_bytes_, {});
  if (!before.empty()) bytes = before.append(bytes);
  std::size_t size = std::min(bytes.size(), http::kH2Preface.size());
  if (bytes.substr(0, size) != http::kH2Preface.substr(0, size)) {
    speak(make_h1_session(*this));
  } else if (size == http::kH2Preface.size()) {
    speak(make_h2_session(*this));
  } else {
    first_bytes_ = bytes;
    return;
  }
  session_->on_read(bytes);
}

// Nothing more comes that could tell: HTTP/1 has words for a request that is not whole.
void ClientConnection::speak_http1() {
  speak(make_h1_session(*this));
  if (std::string bytes = std::exchange(first_bytes_, {}); !bytes.empty()) session_->on_read(bytes);
}

// ---- From the stream -------------------------------------------------------------------------------------------------

void ClientConnection::on_read(std::string_view bytes) {
  if (closed_) return;
  session_ != nullptr ? session_->on_read(bytes) : choose(bytes);
}

void ClientConnection::on_eof() {
  if (closed_) return;
  if (session_ == nullptr) speak_http1();
  if (!closed_) session_->on_eof();
}

void ClientConnection::on_stream_error(const Error&) {
  if (!closed_) client_is_gone();
}

void ClientConnection::on_drained() {
  write_deadline_.cancel();
  if (!closed_ && session_ != nullptr) session_->on_drained();
}

void ClientConnection::watch_writing() {
  if (write_deadline_.armed()) return;
  write_mark_ = stream_->queued();
  worker_.loop().arm(write_deadline_, static_cast<std::uint64_t>(timeouts().write));
}

void ClientConnection::on_write_deadline(void* self) {
  auto* c = static_cast<ClientConnection*>(self);
  if (c->closed_ || c->stream_->queued() == 0) return;
  if (c->stream_->queued() < c->write_mark_) return c->watch_writing();
  c->abort(POSTERN_END_CLIENT_TIMEOUT);
}

// ---- Deadlines -------------------------------------------------------------------------------------------------------

const config::Timeouts& ClientConnection::timeouts() const noexcept { return worker_.plan()->plan().config->timeouts; }

void ClientConnection::arm(std::int64_t delay_ms) {
  worker_.loop().arm(deadline_, static_cast<std::uint64_t>(delay_ms));
}

void ClientConnection::on_deadline(void* self) { static_cast<ClientConnection*>(self)->on_waited_too_long(); }

void ClientConnection::on_waited_too_long() {
  if (closed_) return;
  if (!admitted_) return go_on(hooks_.deadline());
  if (session_ == nullptr) speak_http1();
  if (!closed_) session_->on_deadline();
}

// ---- The end ---------------------------------------------------------------------------------------------------------

void ClientConnection::drain() {
  draining_ = true;
  if (session_ != nullptr) session_->drain();
}

void ClientConnection::client_is_gone() {
  if (session_ != nullptr) session_->on_gone(POSTERN_END_CLIENT_GONE);
  close();
}

void ClientConnection::abort(std::uint32_t end) {
  if (closed_) return;
  if (session_ != nullptr) session_->on_gone(end);
  stream_->reset();
  close();
}

void ClientConnection::close_politely() {
  if (closed_) return;
  stream_->set_owner(nullptr);
  keeper_.linger(std::move(stream_));
  close();
}

void ClientConnection::close() {
  if (std::exchange(closed_, true)) return;
  worker_.connections().remove(handle_);
  deadline_.cancel();
  write_deadline_.cancel();
  if (stream_ != nullptr) {
    stream_->set_owner(nullptr);
    stream_->stop_reading();
  }
  if (session_ != nullptr) session_->end();
  keeper_.remove(*this);
}

}  // namespace postern::proxy
