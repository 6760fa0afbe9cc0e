#include "client/h2_session.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "client/client_connection.h"
#include "client/h1_session.h"
#include "client/h2_metrics.h"
#include "exchange/exchange.h"
#include "exchange/worker_context.h"
#include "http/h2_server_codec.h"

namespace postern::proxy {
namespace {

constexpr std::int64_t kGoawayMs = 1'000;  // for the client to hear that it shall begin no more streams
constexpr int kMaxComplaints = 10;         // log lines of one connection about single streams

http::H2ServerLimits limits_of(const config::Limits& limits) {
  http::H2ServerLimits h2;
  h2.head = head_limits(limits);
  h2.concurrent_streams = static_cast<std::uint32_t>(limits.http2.concurrent_streams);
  h2.stream_window = static_cast<std::uint32_t>(limits.http2.stream_window);
  h2.control_frames = static_cast<std::uint32_t>(limits.http2.control_frames);
  h2.resets = static_cast<std::uint32_t>(limits.http2.resets);
  return h2;
}

class H2Session;

// One stream that the codec has, or whose exchange has not ended. Its exchange may end first: the rest of the answer is the
// codec's then.
struct H2Stream {
  H2Stream(H2Session& of, http::StreamId number);

  bool served() const noexcept { return exchange != nullptr && !exchange->receiving(); }

  H2Session& session;
  http::StreamId id;
  std::unique_ptr<Exchange> exchange;  // null: it has ended
  Deadline read_deadline;              // between two pieces of the request body
  Deadline write_deadline;             // for what the client leaves no room for
  std::size_t write_mark = 0;          // bytes queued when it was armed
  bool body_paused = false;
  bool closed = false;  // the codec has forgotten it
  bool tunnel = false;  // an extended CONNECT: what comes has no end that would be awaited
};

class H2Session final : public ClientSession, private http::ServerEvents {
 public:
  explicit H2Session(ClientConnection& connection)
      : ClientSession(connection),
        worker_(connection.worker()),
        codec_(http::make_h2_server_codec(*this, limits_of(worker_.plan()->plan().config->limits))) {}

  http::Version protocol() const noexcept override { return http::Version::http2; }
  std::size_t exchanges() const noexcept override;
  void let_body_flow(http::StreamId stream, bool flow) override;
  void write_informational(http::StreamId stream, const http::ResponseHead& head) override;
  void write_head(http::StreamId stream, const http::ResponseHead& head, bool close) override;
  void write_body(http::StreamId stream, std::string_view bytes) override;
  void write_end(http::StreamId stream, const http::HeaderList* trailers) override;
  bool congested(http::StreamId stream) const noexcept override;
  bool unsent(http::StreamId stream) const noexcept override;
  bool closing_after(const http::RequestHead&) const noexcept override { return false; }  // GOAWAY says it
  void on_exchange_done(Exchange& exchange, std::uint32_t end, bool must_close) override;

  void start() override;
  void on_read(std::string_view bytes) override { feed(bytes); }
  void on_eof() override;
  void on_drained() override;
  void on_deadline() override;
  void drain() override;
  void on_gone(std::uint32_t end) override;
  void end() override;

  static void on_read_deadline(void* stream);
  static void on_write_deadline(void* stream);

 private:
  enum class Wait : std::uint8_t { none, idle, head, goaway };
  Arena& on_request_begin(http::StreamId stream) override;
  void on_request_head(http::StreamId stream, http::RequestHead& head, bool ends) override;
  void on_request_body(http::StreamId stream, std::string_view bytes) override;
  void on_request_end(http::StreamId stream, http::HeaderList* trailers) override;
  void on_request_refused(http::StreamId stream, const Error& error) override;
  void on_stream_closed(http::StreamId stream, const Error* why) override;
  void on_stream_writable(http::StreamId stream) override;

  net::Stream& out() const noexcept { return connection_.stream(); }
  bool closed() const noexcept { return connection_.closed(); }
  H2Stream* find(http::StreamId stream) const noexcept;
  void erase(http::StreamId stream);
  void defer_delete(H2Stream& stream);
  void feed(std::string_view bytes);
  void run_begun();
  void end_broken();
  void flush();
  void pump() override;
  void update_idle_deadline();
  void wait_for(Wait what);
  void watch(H2Stream& stream);
  void stalled(H2Stream& stream);
  void end_by_fault();
  void complain(http::StreamId stream, std::string_view what, std::string_view why);

  WorkerContext& worker_;
  std::unique_ptr<http::H2ServerCodec> codec_;
  std::vector<std::unique_ptr<H2Stream>> streams_;  // by number: they only grow
  std::vector<std::pair<http::StreamId, Error>> refused_;
  std::vector<http::StreamId> begun_;     // heads that are complete; advance() has not run yet
  std::vector<http::StreamId> broken_;    // streams that the client broke off under their exchange
  std::vector<http::StreamId> writable_;  // whose exchange may go on writing
  std::vector<http::StreamId> done_;      // whose exchange has ended since the last flush
  Wait wait_ = Wait::none;
  int complaints_ = 0;
  bool feeding_ = false;
  bool resumed_ = false;  // a body may flow again: the codec may hold some of it
  bool goaway_ = false;   // no more streams
};

H2Stream::H2Stream(H2Session& of, http::StreamId number)
    : session(of),
      id(number),
      read_deadline(&H2Session::on_read_deadline, this),
      write_deadline(&H2Session::on_write_deadline, this) {}

H2Stream* H2Session::find(http::StreamId stream) const noexcept {
  auto at = std::lower_bound(streams_.begin(), streams_.end(), stream,
                             [](const auto& s, http::StreamId id) { return s->id < id; });
  return at != streams_.end() && (*at)->id == stream ? at->get() : nullptr;
}

void H2Session::erase(http::StreamId stream) {
  auto at = std::lower_bound(streams_.begin(), streams_.end(), stream,
                             [](const auto& s, http::StreamId id) { return s->id < id; });
  if (at == streams_.end() || (*at)->id != stream) return;
  defer_delete(**at);
  streams_.erase(at);
}

void H2Session::defer_delete(H2Stream& stream) {
  if (stream.exchange != nullptr) worker_.loop().defer_delete(std::move(stream.exchange));
}

// ---- Reading ---------------------------------------------------------------------------------------------------------

void H2Session::start() {
  metrics().add(h2_series().connections_total, 1);
  wait_for(Wait::head);  // the preface and SETTINGS
  flush();
}

// Heads that are complete are advanced here, outside the parser.
void H2Session::feed(std::string_view bytes) {
  if (wait_ == Wait::head && streams_.empty()) wait_for(Wait::idle);
  codec_->set_now(worker_.loop().event_ns());
  resumed_ = false;
  feeding_ = true;
  auto taken = codec_->feed(bytes);
  run_begun();
  end_broken();
  feeding_ = false;
  flush();
  if (closed()) return;
  if (!taken || codec_->over()) return end_by_fault();
  if (codec_->head_is_incomplete() && wait_ != Wait::head) wait_for(Wait::head);
  if (!codec_->head_is_incomplete() && wait_ == Wait::head) wait_for(Wait::none);
  update_idle_deadline();
}

void H2Session::run_begun() {
  for (auto& [id, error] : std::exchange(refused_, {}))
    if (H2Stream* s = find(id); s != nullptr && s->exchange != nullptr) s->exchange->refuse(error);
  for (http::StreamId id : std::exchange(begun_, {}))
    if (H2Stream* s = find(id); s != nullptr && s->exchange != nullptr && !s->closed) s->exchange->advance();
}

void H2Session::end_broken() {
  for (http::StreamId id : std::exchange(broken_, {})) {
    H2Stream* s = find(id);
    if (s == nullptr) continue;
    if (s->served()) s->exchange->on_client_gone(POSTERN_END_CLIENT_GONE);
    erase(id);
  }
}

Arena& H2Session::on_request_begin(http::StreamId stream) {
  streams_.push_back(std::make_unique<H2Stream>(*this, stream));
  auto& exchange = streams_.back()->exchange;
  exchange = std::make_unique<Exchange>(*this, stream, worker_, *worker_.plan());
  return exchange->arena();
}

void H2Session::on_request_head(http::StreamId stream, http::RequestHead& head, bool ends) {
  H2Stream* s = find(stream);
  if (s == nullptr || s->exchange == nullptr) return;
  s->tunnel = head.extended_connect;
  s->exchange->begin(head, ends);
  begun_.push_back(stream);
  if (ends) return;
  s->body_paused = true;
  codec_->pause_body(stream);
}

std::size_t H2Session::exchanges() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(streams_.begin(), streams_.end(), [](const auto& s) { return s->served(); }));
}

void H2Session::on_request_refused(http::StreamId stream, const Error& error) {
  refused_.emplace_back(stream, error);
  complain(stream, "HTTP/2 request refused", error.text);
}

void H2Session::on_request_body(http::StreamId stream, std::string_view bytes) {
  H2Stream* s = find(stream);
  if (s == nullptr || s->exchange == nullptr) return;
  if (!s->tunnel) worker_.loop().arm(s->read_deadline, s->exchange->body_read_timeout_ms());
  s->exchange->on_client_body(bytes);
}

void H2Session::on_request_end(http::StreamId stream, http::HeaderList* trailers) {
  H2Stream* s = find(stream);
  if (s == nullptr || s->exchange == nullptr) return;
  s->read_deadline.cancel();
  s->exchange->on_client_body_end(trailers);
}

void H2Session::on_stream_closed(http::StreamId stream, const Error* why) {
  H2Stream* s = find(stream);
  if (s == nullptr) return;
  s->closed = true;
  if (why != nullptr) {
    metrics().add(h2_series().broken_streams, 1);
    if (!why->text.empty()) complain(stream, "HTTP/2 stream broken off", why->text);
    broken_.push_back(stream);
    return pump_later();
  }
  if (s->exchange == nullptr) erase(stream);
}

void H2Session::let_body_flow(http::StreamId stream, bool flow) {
  H2Stream* s = find(stream);
  if (s == nullptr || closed() || flow != s->body_paused) return;
  s->body_paused = !flow;
  if (!flow) {
    s->read_deadline.cancel();
    return codec_->pause_body(s->id);
  }
  Exchange& exchange = *s->exchange;
  codec_->resume_body(s->id);
  resumed_ = true;
  pump_later();
  if (std::exchange(exchange.request().expect_continue, false)) {
    http::ResponseHead interim(exchange.arena());
    interim.status = 100;
    write_informational(s->id, interim);
  }
  if (!s->tunnel) worker_.loop().arm(s->read_deadline, exchange.body_read_timeout_ms());
}

// An HTTP/2 client that closes its sending side can give no more room for answers: it is gone.
void H2Session::on_eof() {
  if (!streams_.empty()) return connection_.client_is_gone();
  out().queued() > 0 ? connection_.close_politely() : connection_.close();
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

void H2Session::write_informational(http::StreamId stream, const http::ResponseHead& head) {
  codec_->write_informational(stream, head, out());
  pump_later();
}

void H2Session::write_head(http::StreamId stream, const http::ResponseHead& head, bool close) {
  codec_->write_head(stream, head, close, out());
  if (head.status == 101) {  // what came of the tunnel so far has waited for it
    codec_->resume_body(stream);
    resumed_ = true;
  }
  pump_later();
}

void H2Session::write_body(http::StreamId stream, std::string_view bytes) {
  codec_->write_body(stream, bytes, out());
  pump_later();
  if (!congested(stream)) return;
  if (out().above_high_watermark()) connection_.watch_writing();
  if (H2Stream* s = find(stream)) watch(*s);
}

void H2Session::write_end(http::StreamId stream, const http::HeaderList* trailers) {
  codec_->write_end(stream, trailers, out());
  pump_later();
}

bool H2Session::congested(http::StreamId stream) const noexcept {
  return out().above_high_watermark() || codec_->queued(stream) > http::ServerCodec::kStreamQueue;
}

bool H2Session::unsent(http::StreamId stream) const noexcept {
  return out().queued() > 0 || codec_->queued(stream) > 0;
}

void H2Session::on_stream_writable(http::StreamId stream) {
  writable_.push_back(stream);
  if (H2Stream* s = find(stream)) s->write_deadline.cancel();  // it has taken much: what comes now counts anew
  pump_later();
}

void H2Session::on_drained() {
  for (const auto& s : streams_)
    if (s->exchange != nullptr && !s->closed) writable_.push_back(s->id);
  out().start_reading();
  pump_later();
}

void H2Session::flush() {
  if (feeding_ || closed()) return;
  codec_->flush(out());
  for (http::StreamId id : std::exchange(done_, {}))
    if (H2Stream* s = find(id); s != nullptr && codec_->queued(id) > 0) watch(*s);
  if (!out().above_high_watermark()) return;
  connection_.watch_writing();
  out().stop_reading();  // what it sends would be answered: first it shall read
}

void H2Session::pump() {
  for (http::StreamId id : std::exchange(writable_, {})) {
    H2Stream* s = find(id);
    if (s != nullptr && s->exchange != nullptr && !s->closed && !congested(id)) s->exchange->on_client_drained();
  }
  if (resumed_ || !broken_.empty()) return feed({});
  flush();
  if (closed()) return;
  if (codec_->over()) return end_by_fault();
  update_idle_deadline();
}

// A client that leaves no room for a stream's answer for a whole write timeout loses the stream.
void H2Session::watch(H2Stream& stream) {
  if (stream.write_deadline.armed()) return;
  stream.write_mark = codec_->queued(stream.id);
  worker_.loop().arm(stream.write_deadline, static_cast<std::uint64_t>(connection_.timeouts().write));
}

void H2Session::on_write_deadline(void* stream) {
  auto* s = static_cast<H2Stream*>(stream);
  H2Session& session = s->session;
  if (session.closed()) return;
  std::size_t queued = session.codec_->queued(s->id);
  if (queued == 0) return;
  if (queued < s->write_mark) return session.watch(*s);
  session.stalled(*s);
}

void H2Session::stalled(H2Stream& stream) {
  metrics().add(h2_series().limit(http::H2Limit::stall), 1);
  complain(stream.id, "HTTP/2 stream broken off", "the client left no room for the answer");
  http::StreamId id = stream.id;
  codec_->reset_stream(id, http::H2ServerCodec::Break::stalled);
  if (stream.exchange != nullptr) stream.exchange->on_client_gone(POSTERN_END_CLIENT_TIMEOUT);
  erase(id);
  flush();
  update_idle_deadline();
}

// ---- The end of an exchange, and of the connection --------------------------------------------------------------------

void H2Session::on_exchange_done(Exchange& exchange, std::uint32_t end, bool) {
  http::StreamId id = exchange.stream();
  H2Stream* s = find(id);
  if (s == nullptr) return;
  s->read_deadline.cancel();
  if (end == POSTERN_END_OK)
    codec_->finish_stream(id);
  else
    codec_->reset_stream(id, http::H2ServerCodec::Break::internal_error);
  defer_delete(*s);
  if (s->closed) {
    erase(id);
  } else {
    done_.push_back(id);
    flush();  // may be the end of the stream
  }
  pump_later();
}

void H2Session::drain() {
  for (const auto& s : streams_)
    if (s->exchange != nullptr) s->exchange->on_drain();
  if (std::exchange(goaway_, true)) return;
  codec_->begin_goaway();
  wait_for(Wait::goaway);
  pump_later();
}

void H2Session::on_gone(std::uint32_t end) {
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (streams_[i]->served()) streams_[i]->exchange->on_client_gone(end);
  }
}

void H2Session::end() {
  for (auto& s : streams_) defer_delete(*s);
  streams_.clear();
}

// The codec has nothing more to read or to write.
void H2Session::end_by_fault() {
  auto fault = codec_->fault();
  if (!fault.empty()) {
    auto limit = codec_->limit();
    bool is_limit = limit != http::H2Limit::none;
    metrics().add(is_limit ? h2_series().limit(limit) : h2_series().protocol_errors, 1);
    logger("server").write(
        LogLevel::warn, is_limit ? "HTTP/2 connection ended by a limit" : "HTTP/2 connection ended by a protocol error",
        {{"peer", connection_.peer_host()},
         {"listener", connection_.listener_name()},
         {"limit", is_limit ? http::name_of(limit) : std::string_view()},
         {"error", fault}});
  }
  on_gone(POSTERN_END_CLIENT_GONE);
  connection_.close_politely();
}

void H2Session::complain(http::StreamId stream, std::string_view what, std::string_view why) {
  if (++complaints_ > kMaxComplaints) return;
  logger("server").write(LogLevel::info, what,
                         {{"peer", connection_.peer_host()},
                          {"listener", connection_.listener_name()},
                          {"stream", stream},
                          {"error", why}});
}

// ---- Deadlines -------------------------------------------------------------------------------------------------------

// With no stream open the connection is idle, or at its end.
void H2Session::update_idle_deadline() {
  if (wait_ == Wait::head || wait_ == Wait::goaway) return;
  if (!streams_.empty()) return wait_ == Wait::idle ? wait_for(Wait::none) : void();
  if (wait_ != Wait::idle) wait_for(Wait::idle);
}

void H2Session::wait_for(Wait what) {
  if (wait_ == Wait::goaway && what != Wait::none) return;
  wait_ = what;
  switch (what) {
    case Wait::none:
      return connection_.disarm();
    case Wait::idle:
      return connection_.arm(connection_.timeouts().idle);
    case Wait::head:
      return connection_.arm(connection_.timeouts().header_read);
    case Wait::goaway:
      return connection_.arm(kGoawayMs);
  }
}

void H2Session::on_deadline() {
  switch (wait_) {
    case Wait::none:
      return;
    case Wait::idle:
      wait_ = Wait::none;
      if (streams_.empty()) {
        goaway_ = true;
        codec_->end_goaway();
      }
      return pump_later();
    case Wait::goaway:
      wait_ = Wait::none;
      if (codec_->head_is_incomplete()) wait_for(Wait::head);
      codec_->end_goaway();
      return pump_later();
    case Wait::head:  // what the head breaks off would leave HPACK in no known state: the connection ends
      on_gone(POSTERN_END_CLIENT_TIMEOUT);
      return connection_.close_politely();
  }
}

void H2Session::on_read_deadline(void* stream) {
  auto* s = static_cast<H2Stream*>(stream);
  if (s->session.closed() || s->exchange == nullptr) return;
  s->exchange->refuse(Error::client(ErrorCode::request_timeout, "the request did not arrive in time"));
}

}  // namespace

std::unique_ptr<ClientSession> make_h2_session(ClientConnection& connection) {
  return std::make_unique<H2Session>(connection);
}

}  // namespace postern::proxy
