#include "upstream/h2_connection.h"

#include <postern/abi.h>

#include <algorithm>
#include <utility>

#include "config/config.h"
#include "http/h2_client_codec.h"
#include "upstream/answer_watch.h"
#include "upstream/upstream_pool.h"

namespace postern::proxy {
namespace {

// An upstream that lets so much pile up answers nothing any more: it makes us talk (PING, SETTINGS) and does not read.
constexpr std::size_t kMaxQueued = 16 * 1024 * 1024;

http::H2ClientOptions options_of(const net::Stream& stream, UpstreamContext& context) noexcept {
  http::H2ClientOptions options;
  if (stream.tls() != nullptr) options.scheme = "https";
  options.held_total = &context.buffered_bytes;
  return options;
}

}  // namespace

// One lent stream. Kept for the next user: it may still be on the stack when it ends.
class H2UpstreamConnection::Use final : public UpstreamStream {
 public:
  explicit Use(H2UpstreamConnection& connection)
      : connection_(connection), watch_(connection.pool_.loop(), &Use::on_deadline, this) {}

  void begin(UpstreamUser& user) noexcept {
    user_ = &user;
    id_ = 0;
    request_ended_ = paused_ = false;
    watch_.reset();
  }
  UpstreamUser* user() const noexcept { return user_; }
  http::StreamId id() const noexcept { return id_; }
  UpstreamUser* end() noexcept {
    watch_.cancel();
    return std::exchange(user_, nullptr);
  }

  // UpstreamStream
  void send_head(const http::RequestHead& head, AnswerTimes times) override {
    ++connection_.requests_;
    watch_.begin(times.head_ms, times.body_ms);
    begun_ms_ = connection_.pool_.loop().now_ms();
    id_ = codec().write_head(head, *connection_.stream_);
    connection_.put(*this);
    request_ended_ = http::is_empty(head.body);
    written();
    if (connection_.spent()) connection_.room_may_have_changed();
  }
  void send_body(std::string_view bytes) override {
    codec().write_body(id_, bytes, *connection_.stream_);
    written();
  }
  void send_end(const http::HeaderList* trailers) override {
    codec().write_end(id_, trailers, *connection_.stream_);
    request_ended_ = true;
    written();
  }
  void pause_response() override {
    paused_ = true;
    codec().pause_body(id_);
    watch_.stop();
  }
  void resume_response() override {
    if (!std::exchange(paused_, false)) return;
    watch_.on_body_moved();
    codec().resume_body(id_);
  }
  bool congested() const noexcept override {
    return connection_.stream_->above_high_watermark() ||
           connection_.codec_->queued(id_) > http::ClientCodec::kStreamQueue;
  }
  void give_back() override { connection_.finish(*this); }
  void discard() override { connection_.finish(*this); }

  // Events of its stream.
  void on_head(http::ResponseHead& head, bool ends) {
    watch_.on_head(ends);
    user_->on_response_head(head, ends);
  }
  void on_body(std::string_view bytes) {
    if (!paused_) watch_.on_body_moved();
    user_->on_response_body(bytes);
  }
  void on_end(http::HeaderList* trailers) {
    watch_.stop();
    user_->on_response_end(trailers);
  }
  void on_writable() {
    if (congested()) return;
    request_moved();
    user_->on_drained();
  }

 private:
  http::ClientCodec& codec() noexcept { return *connection_.codec_; }
  void written() {
    request_moved();
    connection_.tell_soon();
  }
  void request_moved() { watch_.on_request_moved(request_ended_ || congested()); }
  static void on_deadline(void* self) {
    auto* use = static_cast<Use*>(self);
    auto what = use->watch_.overdue();
    if (use->user_ == nullptr || what.empty()) return;
    UpstreamUser* user = use->user_;
    if (use->watch_.head_due()) use->connection_.doubt_since(use->begun_ms_);
    use->connection_.finish(*use);
    user->on_lost({POSTERN_OUTCOME_TIMEOUT, Error::upstream(ErrorCode::timeout, std::string(what))});
  }

  H2UpstreamConnection& connection_;
  UpstreamUser* user_ = nullptr;
  AnswerWatch watch_;
  std::uint64_t begun_ms_ = 0;  // on the loop's clock
  http::StreamId id_ = 0;       // 0: its request has not begun
  bool request_ended_ = false;
  bool paused_ = false;
};

H2UpstreamConnection::H2UpstreamConnection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream,
                                           std::uint64_t connect_ns)
    : UpstreamConnection(1, connect_ns),
      pool_(pool),
      stream_(std::move(stream)),
      deadline_(&H2UpstreamConnection::on_deadline, this),
      life_deadline_(&H2UpstreamConnection::on_life_deadline, this) {
  stream_->set_owner(this);
  stream_->start_reading();
  codec_ = http::make_h2_client_codec(*this, http::HeadLimits{}, *stream_, options_of(*stream_, pool_.context()));
  counted_unsettled = true;
  pool_.loop().arm(deadline_, static_cast<std::uint64_t>(pool_.config().timeouts.connect));
}

H2UpstreamConnection::~H2UpstreamConnection() = default;

UpstreamStream& H2UpstreamConnection::lend(UpstreamUser& user) {
  if (spare_.empty()) {
    uses_.push_back(std::make_unique<Use>(*this));
    spare_.push_back(uses_.back().get());
  }
  Use* use = spare_.back();
  spare_.pop_back();
  use->begin(user);
  ++lent_;
  if (limit_) deadline_.cancel();  // no longer idle
  if (lent_ == 1) watch_life();
  update_room();
  return *use;
}

// Until the upstream has said how many streams it takes, one is sure.
void H2UpstreamConnection::update_room() noexcept {
  const auto& limits = pool_.config().pool;
  std::uint64_t most = std::min<std::uint64_t>(limit_.value_or(1), static_cast<std::uint64_t>(limits.max_streams));
  std::uint64_t room = most > lent_ ? most - lent_ : 0;
  if (limits.max_requests > 0) {
    std::uint64_t unsent = lent_ - begun_.size();
    auto all = static_cast<std::uint64_t>(limits.max_requests);
    room = std::min(room, all > requests_ + unsent ? all - requests_ - unsent : 0);
  }
  room_ = dead_ || doubted_ ? 0 : static_cast<std::uint32_t>(room);
}

// All the requests have begun that it may carry.
bool H2UpstreamConnection::spent() const noexcept {
  auto most = static_cast<std::uint64_t>(pool_.config().pool.max_requests);
  return most > 0 && requests_ >= most;
}

// Streams came to an end, or the upstream takes more or fewer.
void H2UpstreamConnection::room_may_have_changed() {
  if (dead_) return;
  update_room();
  leaving_ = limit_ == 0u || spent() || doubted_;
  if (room_ == 0 && lent_ == 0 && limit_) return close();  // nothing can begin here any more
  pool_.on_room(*this);
}

H2UpstreamConnection::Use* H2UpstreamConnection::find(http::StreamId stream) const noexcept {
  auto at = std::lower_bound(begun_.begin(), begun_.end(), stream, [](const Use* u, auto id) { return u->id() < id; });
  return at != begun_.end() && (*at)->id() == stream ? *at : nullptr;
}

void H2UpstreamConnection::put(Use& use) { begun_.push_back(&use); }

// The user is gone, or goes: its stream ends, whatever state it is in.
void H2UpstreamConnection::finish(Use& use) {
  if (use.end() == nullptr) return;
  spare_.push_back(&use);
  --lent_;
  if (use.id() != 0) {
    std::erase(begun_, &use);
    if (!codec_->finish_stream(use.id())) limit_ = 0;
  }
  room_may_have_changed();
}

void H2UpstreamConnection::set_idle(std::uint64_t idle_timeout_ms) {
  if (limit_) pool_.loop().arm(deadline_, idle_timeout_ms);
}

void H2UpstreamConnection::close() {
  if (std::exchange(dead_, true)) return;
  room_ = 0;
  deadline_.cancel();
  life_deadline_.cancel();
  stream_->flush();  // the upstream may be told why
  stream_->set_owner(nullptr);
  stream_->stop_reading();
  pool_.remove(*this);
}

// Nothing more comes. A response that has come whole is still for its user, however slowly that takes it.
void H2UpstreamConnection::lost(const Error& error, std::uint32_t outcome, bool silent) {
  if (dead_) return;
  limit_ = 0;
  stream_->set_owner(nullptr);
  stream_->stop_reading();
  StreamLoss loss{outcome, as_upstream_error(error), false, silent};
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    Use& use = *uses_[i];
    UpstreamUser* user = use.user();
    if (user == nullptr || codec_->response_came(use.id())) continue;
    finish(use);
    user->on_lost(loss);
  }
  room_may_have_changed();
}

void H2UpstreamConnection::on_deadline(void* self) {
  auto* c = static_cast<H2UpstreamConnection*>(self);
  if (c->limit_) return c->lent_ == 0 ? c->close() : void();
  c->lost(Error::upstream(ErrorCode::proxy_error, "the upstream does not speak HTTP/2"), POSTERN_OUTCOME_PROTOCOL);
}

// ---- Is it still there? ----------------------------------------------------------------------------------------------

void H2UpstreamConnection::watch_life() {
  if (pool_.config().http2.ping_interval == 0) return;
  heard_ms_ = pool_.loop().now_ms();
  if (!life_deadline_.armed()) check_life();
}

void H2UpstreamConnection::on_life_deadline(void* self) { static_cast<H2UpstreamConnection*>(self)->check_life(); }

// Nobody has answered since: nothing more is asked here until something comes, which a PING asks for.
void H2UpstreamConnection::doubt_since(std::uint64_t ms) {
  if (heard_ms_ > ms || doubted_) return;
  doubted_ = true;
  codec_->ping();
}

// A peer that went without a word (a power cut, a firewall that forgot the connection) is found out by what it does not
// answer. Bytes that come meanwhile only move the deadline when it comes.
void H2UpstreamConnection::check_life() {
  if (dead_ || lent_ == 0) return;
  const auto& config = pool_.config().http2;
  std::uint64_t now = pool_.loop().now_ms();
  std::uint64_t ping_at = heard_ms_ + static_cast<std::uint64_t>(config.ping_interval);
  if (pinged_ms_ <= heard_ms_ && now >= ping_at) {
    pinged_ms_ = now;
    codec_->ping();
  }
  bool asked = pinged_ms_ > heard_ms_;
  std::uint64_t next = asked ? pinged_ms_ + static_cast<std::uint64_t>(config.ping_timeout) : ping_at;
  if (asked && now >= next) {
    stream_->reset();
    return lost(Error::upstream(ErrorCode::proxy_error, "the upstream answers no PING"), POSTERN_OUTCOME_RESET, true);
  }
  pool_.loop().arm(life_deadline_, next > now ? next - now : 1);
}

// A request that could not begin is not told of inside send_head, and there may be nothing to read for long.
void H2UpstreamConnection::tell_soon() {
  if (codec_->owes_events()) pool_.loop().defer([this] { feed({}); });  // it outlives what is put down before its end
}

// ---- net::StreamOwner ------------------------------------------------------------------------------------------------

void H2UpstreamConnection::on_read(std::string_view bytes) {
  heard_ms_ = pool_.loop().now_ms();
  bool was_doubted = std::exchange(doubted_, false);
  feed(bytes);
  if (was_doubted) room_may_have_changed();
}

void H2UpstreamConnection::feed(std::string_view bytes) {
  if (dead_) return;
  auto taken = codec_->feed(bytes);
  if (dead_) return;
  if (!taken) return lost(taken.error(), POSTERN_OUTCOME_PROTOCOL);
  if (stream_->queued() > kMaxQueued)
    lost(Error::upstream(ErrorCode::proxy_error, "the upstream does not read"), POSTERN_OUTCOME_PROTOCOL);
}

void H2UpstreamConnection::on_eof() {
  if (codec_->owes_events()) feed({});  // it says more than that the connection is gone
  lost(Error::upstream(ErrorCode::proxy_error, "the upstream closed the connection"), POSTERN_OUTCOME_RESET);
}

void H2UpstreamConnection::on_stream_error(const Error& error) {
  if (codec_->owes_events()) feed({});
  lost(error, POSTERN_OUTCOME_RESET);
}

// Any of those who are told may end others.
void H2UpstreamConnection::on_drained() {
  for (std::size_t i = 0; i < uses_.size() && !dead_; ++i)
    if (uses_[i]->user() != nullptr && uses_[i]->id() != 0) uses_[i]->on_writable();
}

// ---- http::ClientEvents ----------------------------------------------------------------------------------------------

// The codec tells nothing of a stream that was finished, so that each of these has a user.
Arena& H2UpstreamConnection::on_response_begin(http::StreamId stream) { return find(stream)->user()->response_arena(); }

void H2UpstreamConnection::on_informational(http::StreamId stream, http::ResponseHead& head) {
  find(stream)->user()->on_informational(head);
}

void H2UpstreamConnection::on_response_head(http::StreamId stream, http::ResponseHead& head, bool ends) {
  find(stream)->on_head(head, ends);
}

void H2UpstreamConnection::on_response_body(http::StreamId stream, std::string_view bytes) {
  find(stream)->on_body(bytes);
}

void H2UpstreamConnection::on_response_end(http::StreamId stream, http::HeaderList* trailers) {
  find(stream)->on_end(trailers);
}

void H2UpstreamConnection::on_stream_reset(http::StreamId stream, http::StreamReset cause, const Error& error) {
  Use* use = find(stream);
  UpstreamUser* user = use->user();
  std::uint32_t outcome = cause == http::StreamReset::malformed ? POSTERN_OUTCOME_PROTOCOL : POSTERN_OUTCOME_RESET;
  finish(*use);
  user->on_lost({outcome, error, cause == http::StreamReset::unprocessed, false, true});
}

void H2UpstreamConnection::on_stream_writable(http::StreamId stream) { find(stream)->on_writable(); }

void H2UpstreamConnection::on_stream_limit(std::uint32_t most) {
  bool first = !limit_;
  limit_ = most;
  if (first) {
    deadline_.cancel();
    if (lent_ == 0) set_idle(static_cast<std::uint64_t>(pool_.config().timeouts.idle));
    update_room();
    auto each = std::min<std::uint64_t>(most, static_cast<std::uint64_t>(pool_.config().pool.max_streams));
    if (most > 0) return pool_.on_settled(*this, static_cast<std::uint32_t>(each));
  }
  room_may_have_changed();
}

}  // namespace postern::proxy
