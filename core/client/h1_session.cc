#include "client/h1_session.h"

#include <string>
#include <utility>

#include "client/client_connection.h"
#include "exchange/exchange.h"
#include "exchange/worker_context.h"
#include "http/h1_server_codec.h"
#include "http/h1_tunnel_codec.h"

namespace postern::proxy {
namespace {

// What may wait in memory while the codec cannot take it: one read, and one more before reading stops.
constexpr std::size_t kHoldLimit = net::Loop::kReadBuffer;

class H1Session final : public ClientSession, private http::ServerEvents {
 public:
  explicit H1Session(ClientConnection& connection)
      : ClientSession(connection),
        worker_(connection.worker()),
        codec_(http::make_h1_server_codec(*this, head_limits(worker_.plan()->plan().config->limits))) {}

  http::Version protocol() const noexcept override { return http::Version::http11; }
  std::size_t exchanges() const noexcept override { return exchange_ != nullptr && !exchange_->receiving() ? 1 : 0; }
  void let_body_flow(http::StreamId stream, bool flow) override;
  void write_informational(http::StreamId stream, const http::ResponseHead& head) override;
  void write_head(http::StreamId stream, const http::ResponseHead& head, bool close) override;
  void write_body(http::StreamId stream, std::string_view bytes) override;
  void write_end(http::StreamId stream, const http::HeaderList* trailers) override;
  bool congested(http::StreamId) const noexcept override { return socket_is_full(); }
  bool unsent(http::StreamId) const noexcept override { return out().queued() > 0; }
  bool closing_after(const http::RequestHead& request) const noexcept override;
  void on_exchange_done(Exchange& exchange, std::uint32_t end, bool must_close) override;

  void start() override { wait_for(Wait::head); }
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_drained() override;
  void on_deadline() override;
  void drain() override;
  void on_gone(std::uint32_t end) override;
  void end() override;

 private:
  enum class Wait : std::uint8_t { idle, head, body, response, half_closed };
  void begin_tunnel();
  void end_tunnel_input();
  Arena& on_request_begin(http::StreamId stream) override;
  void on_request_head(http::StreamId stream, http::RequestHead& head, bool ends) override;
  void on_request_body(http::StreamId stream, std::string_view bytes) override;
  void on_request_end(http::StreamId stream, http::HeaderList* trailers) override;

  net::Stream& out() const noexcept { return connection_.stream(); }
  bool closed() const noexcept { return connection_.closed(); }
  bool socket_is_full() const noexcept { return out().above_high_watermark(); }
  void feed(std::string_view bytes);
  void hold(std::string_view bytes);
  void pump_later();
  void pump() override;
  void on_protocol_error(const Error& error);
  void answer_what_came();
  bool last_has_come() const noexcept;
  bool answers_pile_up() const noexcept;
  void wait_for(Wait what);
  void was_sent_to();

  WorkerContext& worker_;
  std::unique_ptr<http::ServerCodec> codec_;
  std::unique_ptr<Exchange> exchange_;
  std::string held_;  // bytes the codec does not take yet
  Wait wait_ = Wait::idle;
  bool feeding_ = false;
  bool body_paused_ = false;
  bool tunnel_ = false;  // 101 has been sent: the exchange watches over the rest
  bool begun_ = false;   // a head is complete and advance() has not run yet
  bool served_ = false;  // at least one exchange has ended here
};

// ---- Reading ---------------------------------------------------------------------------------------------------------

void H1Session::on_read(std::string_view bytes) {
  if (!held_.empty() || feeding_) return hold(bytes);
  feed(bytes);
}

// Gives the codec what it takes. A head that is complete is advanced here, outside the parser; what the codec does not
// take (a body nobody wants yet, a pipelined request) is held.
void H1Session::feed(std::string_view bytes) {
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
    if (closed()) break;
    if (bytes.empty() || (*taken == 0 && !begun)) break;
  }
  feeding_ = false;
  if (closed()) return;
  if (!bytes.empty()) hold(bytes);
  if (exchange_ != nullptr && exchange_->receiving() && wait_ != Wait::head) wait_for(Wait::head);
}

void H1Session::hold(std::string_view bytes) {
  held_.append(bytes);
  if (held_.size() > kHoldLimit || body_paused_ || answers_pile_up()) out().stop_reading();
}

// A client that sends requests and reads no answers: the next request waits until it does.
bool H1Session::answers_pile_up() const noexcept { return exchange_ == nullptr && socket_is_full(); }

// While the codec is being fed it goes on by itself.
void H1Session::pump_later() {
  if (!feeding_) ClientSession::pump_later();
}

void H1Session::pump() {
  std::string bytes = std::exchange(held_, {});
  if (!bytes.empty()) feed(bytes);
  if (closed()) return;
  if (out().read_ended()) return answer_what_came();
  if (held_.empty()) out().start_reading();
}

Arena& H1Session::on_request_begin(http::StreamId stream) {
  exchange_ = std::make_unique<Exchange>(*this, stream, worker_, *worker_.plan());
  return exchange_->arena();
}

void H1Session::on_request_head(http::StreamId stream, http::RequestHead& head, bool ends) {
  wait_for(Wait::response);
  exchange_->begin(head, ends);
  begun_ = true;
  if (ends) return;
  body_paused_ = true;
  codec_->pause_body(stream);
}

void H1Session::on_request_body(http::StreamId, std::string_view bytes) {
  if (exchange_ == nullptr) return;
  wait_for(Wait::body);
  exchange_->on_client_body(bytes);
}

void H1Session::on_request_end(http::StreamId, http::HeaderList* trailers) {
  if (exchange_ == nullptr) return;
  wait_for(Wait::response);
  exchange_->on_client_body_end(trailers);
}

void H1Session::let_body_flow(http::StreamId stream, bool flow) {
  if (closed() || flow != body_paused_) return;
  body_paused_ = !flow;
  if (!flow) {
    wait_for(Wait::response);
    return codec_->pause_body(stream);
  }
  if (std::exchange(exchange_->request().expect_continue, false)) {
    http::ResponseHead interim(exchange_->arena());
    interim.status = 100;
    codec_->write_informational(stream, interim, out());
  }
  wait_for(Wait::body);
  codec_->resume_body(stream);
  pump_later();
}

void H1Session::on_protocol_error(const Error& error) {
  if (closed()) return;
  if (exchange_ == nullptr) return connection_.close();
  exchange_->refuse(error);
}

void H1Session::on_eof() {
  if (tunnel_) return end_tunnel_input();
  if (connection_.timeouts().half_closed == 0) return connection_.client_is_gone();
  answer_what_came();
}

// The client has closed its sending side. It may just have nothing more to say (printf | nc -N), so requests that have
// come whole are answered; or it is gone, which TCP tells only when something is sent to it.
void H1Session::answer_what_came() {
  if (tunnel_) return end_tunnel_input();
  if (exchange_ == nullptr) {
    if (!held_.empty()) return pump_later();
    return out().queued() > 0 ? connection_.close_politely() : connection_.close();
  }
  bool whole = !exchange_->receiving() && (exchange_->request_ended() || !held_.empty());
  if (!whole) return connection_.client_is_gone();
  wait_for(Wait::half_closed);
}

// The codec has written its last head. The client's bytes that came behind its own head are held: they are the tunnel's first.
void H1Session::begin_tunnel() {
  if (!feeding_) codec_ = http::make_h1_tunnel_codec(static_cast<http::ServerEvents&>(*this), exchange_->stream());
  wait_ = Wait::response;
  tunnel_ = true;
  pump_later();
}

void H1Session::end_tunnel_input() {
  if (exchange_ == nullptr || pump_planned()) return;
  if (!held_.empty()) return body_paused_ ? void() : pump_later();
  exchange_->on_client_body_end(nullptr);
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

void H1Session::write_informational(http::StreamId stream, const http::ResponseHead& head) {
  codec_->write_informational(stream, head, out());
  was_sent_to();
}

void H1Session::write_head(http::StreamId stream, const http::ResponseHead& head, bool close) {
  codec_->write_head(stream, head, close, out());
  if (head.status == 101) return begin_tunnel();
  was_sent_to();
}

void H1Session::write_body(http::StreamId stream, std::string_view bytes) {
  codec_->write_body(stream, bytes, out());
  was_sent_to();
  if (socket_is_full()) connection_.watch_writing();
}

// A half-closed client that is gone will answer this with a reset.
void H1Session::was_sent_to() {
  if (wait_ == Wait::half_closed) wait_for(Wait::half_closed);
}

void H1Session::write_end(http::StreamId stream, const http::HeaderList* trailers) {
  codec_->write_end(stream, trailers, out());
}

void H1Session::on_drained() {
  if (exchange_ != nullptr) return exchange_->on_client_drained();
  pump_later();
}

// The client has closed its sending side, and nothing that it sent before is left.
bool H1Session::last_has_come() const noexcept { return out().read_ended() && held_.empty() && !feeding_; }

bool H1Session::closing_after(const http::RequestHead& request) const noexcept {
  return !request.keep_alive || connection_.draining() || last_has_come() ||
         worker_.shared().draining.load(std::memory_order_relaxed);
}

// ---- The end of an exchange, and of the connection --------------------------------------------------------------------

void H1Session::on_exchange_done(Exchange& exchange, std::uint32_t end, bool must_close) {
  bool go_on = codec_->finish_stream(exchange.stream()) && !must_close && end == POSTERN_END_OK;
  worker_.loop().defer_delete(std::move(exchange_));
  begun_ = false;
  body_paused_ = false;
  served_ = true;
  if (end != POSTERN_END_OK) {
    out().reset();
    return connection_.close();
  }
  if (!go_on || connection_.draining() || last_has_come()) return connection_.close_politely();
  if (socket_is_full()) connection_.watch_writing();
  wait_for(Wait::idle);
  if (!held_.empty()) pump_later();
}

void H1Session::drain() {
  if (exchange_ != nullptr) exchange_->on_drain();
  if (exchange_ != nullptr || !served_ || !held_.empty()) return;
  out().queued() > 0 ? connection_.close_politely() : connection_.close();
}

void H1Session::on_gone(std::uint32_t end) {
  if (exchange_ != nullptr && !exchange_->receiving()) exchange_->on_client_gone(end);
}

void H1Session::end() {
  if (exchange_ != nullptr) worker_.loop().defer_delete(std::move(exchange_));
}

// ---- Deadlines -------------------------------------------------------------------------------------------------------

void H1Session::wait_for(Wait what) {
  if (closed() || tunnel_) return;
  if (what == Wait::response && out().read_ended()) what = Wait::half_closed;
  wait_ = what;
  const auto& timeouts = connection_.timeouts();
  switch (what) {
    case Wait::idle:
      return connection_.arm(timeouts.idle);
    case Wait::head:
      return connection_.arm(timeouts.header_read);
    case Wait::body:
      return connection_.arm(exchange_ != nullptr ? static_cast<std::int64_t>(exchange_->body_read_timeout_ms())
                                                  : timeouts.body_read);
    case Wait::half_closed:
      return connection_.arm(timeouts.half_closed);
    case Wait::response:
      return;  // others watch; a deadline that comes meanwhile is ignored
  }
}

void H1Session::on_deadline() {
  Error too_slow = Error::client(ErrorCode::request_timeout, "the request did not arrive in time");
  switch (wait_) {
    case Wait::response:
      return;
    case Wait::idle:
      if (out().queued() == 0) return connection_.close();
      connection_.watch_writing();  // the last answer is still on its way: whether it gets on is the question
      return wait_for(Wait::idle);
    case Wait::half_closed:  // a slow reader is no dead one
      return out().queued() > 0 ? wait_for(Wait::half_closed) : connection_.client_is_gone();
    case Wait::head:
    case Wait::body:
      if (exchange_ == nullptr) return connection_.close();
      return exchange_->refuse(too_slow);
  }
}

}  // namespace

http::HeadLimits head_limits(const config::Limits& limits) {
  return {static_cast<std::uint32_t>(limits.request_line), static_cast<std::uint32_t>(limits.head),
          static_cast<std::uint32_t>(limits.fields)};
}

std::unique_ptr<ClientSession> make_h1_session(ClientConnection& connection) {
  return std::make_unique<H1Session>(connection);
}

}  // namespace postern::proxy
