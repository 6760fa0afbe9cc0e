#include "server/client_connection.h"

#include <utility>

#include "http/h1_server_codec.h"
#include "server/exchange.h"
#include "server/worker.h"

namespace postern::server {
namespace {

// What may wait in memory while the codec cannot take it: one read, and one more before reading stops.
constexpr std::size_t kHoldLimit = net::Loop::kReadBuffer;

http::HeadLimits head_limits(const config::Limits& limits) {
  return {static_cast<std::uint32_t>(limits.request_line), static_cast<std::uint32_t>(limits.head),
          static_cast<std::uint32_t>(limits.fields)};
}

}  // namespace

ClientConnection::ClientConnection(Worker& worker, std::string_view listener, std::unique_ptr<net::Stream> stream)
    : worker_(worker),
      handle_(worker.connections().add(*this)),
      hooks_(worker, handle_),
      listener_(listener),
      stream_(std::move(stream)),
      codec_(http::make_h1_server_codec(*this, head_limits(worker.plan()->plan().config->limits))),
      deadline_(&ClientConnection::on_deadline, this),
      write_deadline_(&ClientConnection::on_write_deadline, this) {
  stream_->set_owner(this);
}

ClientConnection::~ClientConnection() { worker_.connections().remove(handle_); }

void ClientConnection::start() { go_on(hooks_.start()); }

void ClientConnection::go_on(ConnectionHooks::Outcome outcome) {
  switch (outcome) {
    case ConnectionHooks::Outcome::waiting:
      wait_ = Wait::hook;
      return worker_.loop().arm(deadline_, hooks_.patience_ms());
    case ConnectionHooks::Outcome::refused:
      return close();
    case ConnectionHooks::Outcome::admitted:
      wait_for(Wait::head);
      return stream_->start_reading();
  }
}

postern_status ClientConnection::resume(std::uint64_t pause, postern_verdict verdict) {
  if (verdict == POSTERN_SUSPEND) return POSTERN_E_INVALID;
  if (closed_ || !hooks_.waits_for(pause)) return POSTERN_E_GONE;
  bool inside = hooks_.in_hook();
  auto outcome = hooks_.resume(verdict);
  if (!inside) go_on(outcome);
  return POSTERN_OK;
}

void ClientConnection::info(postern_connection_info& out) const {
  postern_connection_info full{};
  full.struct_size = out.struct_size;
  full.worker = worker_.index();
  full.peer_address_view = {peer_host().data(), peer_host().size()};
  full.peer_port = peer_port();
  full.listener_view = {listener_.data(), listener_.size()};
  std::memcpy(&out, &full, std::min<std::size_t>(out.struct_size, sizeof full));
}

// ---- Reading ---------------------------------------------------------------------------------------------------------

void ClientConnection::on_read(std::string_view bytes) {
  if (closed_) return;
  if (!held_.empty() || feeding_) return hold(bytes);
  feed(bytes);
}

// Gives the codec what it takes. A head that is complete is advanced here, outside the parser; what the codec does not
// take (a body nobody wants yet, a pipelined request) is held.
void ClientConnection::feed(std::string_view bytes) {
  feeding_ = true;
  for (;;) {
    if (answers_pile_up()) break;
    auto taken = codec_->feed(bytes);
    if (!taken) {
      feeding_ = false;
      return on_protocol_error(taken.error());
    }
    bytes.remove_prefix(*taken);
    bool begun = std::exchange(begun_, false);
    if (begun) exchange_->advance();
    if (closed_) break;
    if (bytes.empty() || (*taken == 0 && !begun)) break;
  }
  feeding_ = false;
  if (closed_) return;
  if (!bytes.empty()) hold(bytes);
  if (exchange_ != nullptr && exchange_->receiving() && wait_ != Wait::head) wait_for(Wait::head);
}

void ClientConnection::hold(std::string_view bytes) {
  held_.append(bytes);
  if (held_.size() > kHoldLimit || body_paused_ || answers_pile_up()) stream_->stop_reading();
}

// A client that sends requests and reads no answers: the next request waits until it does.
bool ClientConnection::answers_pile_up() const noexcept { return exchange_ == nullptr && congested(); }

// Something has changed that may let the codec go on; it happens later, so that nobody's method is on the stack.
void ClientConnection::pump_later() {
  if (pump_planned_ || feeding_ || closed_) return;
  pump_planned_ = true;
  worker_.loop().defer([&worker = worker_, handle = handle_] {
    if (auto* self = worker.connections().find(handle)) self->pump();
  });
}

void ClientConnection::pump() {
  pump_planned_ = false;
  if (closed_) return;
  std::string bytes = std::exchange(held_, {});
  if (!bytes.empty()) feed(bytes);
  if (closed_) return;
  if (stream_->read_ended()) return answer_what_came();
  if (held_.empty()) stream_->start_reading();
}

Arena& ClientConnection::on_request_begin(http::StreamId stream) {
  exchange_ = std::make_unique<Exchange>(*this, stream, worker_, *worker_.plan());
  return exchange_->arena();
}

void ClientConnection::on_request_head(http::StreamId stream, http::RequestHead& head, bool ends) {
  wait_for(Wait::response);
  exchange_->begin(head, ends);
  begun_ = true;
  if (ends) return;
  body_paused_ = true;
  codec_->pause_body(stream);
}

void ClientConnection::on_request_body(http::StreamId, std::string_view bytes) {
  if (exchange_ == nullptr) return;
  wait_for(Wait::body);
  exchange_->on_client_body(bytes);
}

void ClientConnection::on_request_end(http::StreamId, http::HeaderList* trailers) {
  if (exchange_ == nullptr) return;
  wait_for(Wait::response);
  exchange_->on_client_body_end(trailers);
}

void ClientConnection::on_stream_reset(http::StreamId) {
  if (exchange_ != nullptr) exchange_->on_client_gone(POSTERN_END_CLIENT_GONE);
}

void ClientConnection::let_body_flow(Exchange& exchange, bool flow) {
  if (closed_ || flow != body_paused_) return;
  body_paused_ = !flow;
  if (!flow) {
    wait_for(Wait::response);
    return codec_->pause_body(exchange.stream());
  }
  if (std::exchange(exchange.request().expect_continue, false)) {
    http::ResponseHead interim(exchange.arena());
    interim.status = 100;
    codec_->write_informational(exchange.stream(), interim, *stream_);
  }
  wait_for(Wait::body);
  codec_->resume_body(exchange.stream());
  pump_later();
}

void ClientConnection::on_protocol_error(const Error& error) {
  if (closed_) return;
  if (exchange_ == nullptr) return close();
  exchange_->refuse(error);
}

void ClientConnection::on_eof() {
  if (closed_) return;
  if (worker_.plan()->plan().config->timeouts.half_closed == 0) return client_is_gone();
  answer_what_came();
}

// The client has closed its sending side. It may just have nothing more to say (printf | nc -N), so requests that have
// come whole are answered; or it is gone, which TCP tells only when something is sent to it.
void ClientConnection::answer_what_came() {
  if (exchange_ == nullptr) {
    if (!held_.empty()) return pump_later();
    return stream_->queued() > 0 ? close_politely() : close();
  }
  bool whole = !exchange_->receiving() && (exchange_->request_ended() || !held_.empty());
  if (!whole) return client_is_gone();
  wait_for(Wait::half_closed);
}

void ClientConnection::on_stream_error(const Error&) {
  if (!closed_) client_is_gone();
}

void ClientConnection::client_is_gone() {
  if (exchange_ != nullptr && !exchange_->receiving()) exchange_->on_client_gone(POSTERN_END_CLIENT_GONE);
  close();
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

void ClientConnection::write_informational(http::StreamId stream, const http::ResponseHead& head) {
  codec_->write_informational(stream, head, *stream_);
  was_sent_to();
}

void ClientConnection::write_head(http::StreamId stream, const http::ResponseHead& head, bool close) {
  codec_->write_head(stream, head, close, *stream_);
  was_sent_to();
}

void ClientConnection::write_body(http::StreamId stream, std::string_view bytes) {
  codec_->write_body(stream, bytes, *stream_);
  was_sent_to();
  if (congested()) watch_writing();
}

// A half-closed client that is gone will answer this with a reset.
void ClientConnection::was_sent_to() {
  if (wait_ == Wait::half_closed) wait_for(Wait::half_closed);
}

void ClientConnection::write_end(http::StreamId stream, const http::HeaderList* trailers) {
  codec_->write_end(stream, trailers, *stream_);
}

void ClientConnection::on_drained() {
  write_deadline_.cancel();
  if (closed_) return;
  if (exchange_ != nullptr) return exchange_->on_client_drained();
  pump_later();
}

// A client that takes nothing for a whole write timeout is cut off; one that reads slowly is not.
void ClientConnection::watch_writing() {
  if (write_deadline_.armed()) return;
  write_mark_ = stream_->queued();
  worker_.loop().arm(write_deadline_, static_cast<std::uint64_t>(worker_.plan()->plan().config->timeouts.write));
}

void ClientConnection::on_write_deadline(void* self) {
  auto* c = static_cast<ClientConnection*>(self);
  if (c->closed_ || c->stream_->queued() == 0) return;
  if (c->stream_->queued() < c->write_mark_) return c->watch_writing();
  c->abort(POSTERN_END_CLIENT_TIMEOUT);
}

// The client has closed its sending side, and nothing that it sent before is left.
bool ClientConnection::last_has_come() const noexcept { return stream_->read_ended() && held_.empty() && !feeding_; }

bool ClientConnection::closing_after(const http::RequestHead& request) const noexcept {
  return !request.keep_alive || draining_ || last_has_come() ||
         worker_.shared().draining.load(std::memory_order_relaxed);
}

// ---- The end of an exchange, and of the connection --------------------------------------------------------------------

void ClientConnection::on_exchange_done(Exchange& exchange, std::uint32_t end, bool must_close) {
  bool go_on = codec_->finish_stream(exchange.stream()) && !must_close && end == POSTERN_END_OK;
  worker_.loop().defer_delete(std::move(exchange_));
  begun_ = false;
  body_paused_ = false;
  served_ = true;
  if (end != POSTERN_END_OK) {
    stream_->reset();
    return close();
  }
  if (!go_on || draining_ || last_has_come()) return close_politely();
  if (congested()) watch_writing();
  wait_for(Wait::idle);
  if (!held_.empty()) pump_later();
}

void ClientConnection::drain() {
  draining_ = true;
  if (exchange_ != nullptr || !served_ || !held_.empty()) return;
  stream_->queued() > 0 ? close_politely() : close();
}

void ClientConnection::abort(std::uint32_t end) {
  if (closed_) return;
  if (exchange_ != nullptr && !exchange_->receiving()) exchange_->on_client_gone(end);
  stream_->reset();
  close();
}

void ClientConnection::close_politely() {
  if (closed_) return;
  stream_->set_owner(nullptr);
  worker_.linger(std::move(stream_));
  close();
}

void ClientConnection::close() {
  if (std::exchange(closed_, true)) return;
  deadline_.cancel();
  write_deadline_.cancel();
  if (stream_ != nullptr) {
    stream_->set_owner(nullptr);
    stream_->stop_reading();
  }
  if (exchange_ != nullptr) worker_.loop().defer_delete(std::move(exchange_));
  worker_.remove(*this);
}

// ---- Deadlines -------------------------------------------------------------------------------------------------------

void ClientConnection::wait_for(Wait what) {
  if (closed_) return;
  if (what == Wait::response && stream_->read_ended()) what = Wait::half_closed;
  wait_ = what;
  const auto& timeouts = worker_.plan()->plan().config->timeouts;
  switch (what) {
    case Wait::idle:
      return worker_.loop().arm(deadline_, static_cast<std::uint64_t>(timeouts.idle));
    case Wait::head:
      return worker_.loop().arm(deadline_, static_cast<std::uint64_t>(timeouts.header_read));
    case Wait::body:
      return worker_.loop().arm(deadline_, exchange_ != nullptr ? exchange_->body_read_timeout_ms()
                                                                : static_cast<std::uint64_t>(timeouts.body_read));
    case Wait::half_closed:
      return worker_.loop().arm(deadline_, static_cast<std::uint64_t>(timeouts.half_closed));
    case Wait::hook:
    case Wait::response:
      return;  // others watch; a deadline that comes meanwhile is ignored
  }
}

void ClientConnection::on_deadline(void* self) { static_cast<ClientConnection*>(self)->on_waited_too_long(); }

void ClientConnection::on_waited_too_long() {
  if (closed_) return;
  Error too_slow = Error::client(ErrorCode::request_timeout, "the request did not arrive in time");
  switch (wait_) {
    case Wait::response:
      return;
    case Wait::idle:
      if (stream_->queued() == 0) return close();
      watch_writing();  // the last answer is still on its way: whether it gets on is the question
      return wait_for(Wait::idle);
    case Wait::hook:
      return go_on(hooks_.deadline());
    case Wait::half_closed:
      return stream_->queued() > 0 ? wait_for(Wait::half_closed) : client_is_gone();  // a slow reader is no dead one
    case Wait::head:
      if (exchange_ == nullptr) return close();
      return exchange_->refuse(too_slow);
    case Wait::body:
      if (exchange_ == nullptr) return close();
      return exchange_->refuse(too_slow);
  }
}

}  // namespace postern::server
