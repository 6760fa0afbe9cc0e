#include "upstream/h1_connection.h"

#include <postern/abi.h>

#include <utility>

#include "config/config.h"
#include "http/h1_client_codec.h"
#include "http/h1_tunnel_codec.h"
#include "upstream/upstream_pool.h"

namespace postern::proxy {

H1UpstreamConnection::H1UpstreamConnection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream,
                                           std::uint64_t connect_ns)
    : UpstreamConnection(1, connect_ns),
      pool_(pool),
      stream_(std::move(stream)),
      codec_(http::make_h1_client_codec(*this, http::HeadLimits{})),
      watch_(pool.loop(), &H1UpstreamConnection::on_deadline, this) {
  stream_->set_owner(this);
  stream_->start_reading();
}

H1UpstreamConnection::~H1UpstreamConnection() = default;

UpstreamStream& H1UpstreamConnection::lend(UpstreamUser& user) {
  user_ = &user;
  room_ = 0;
  lent_ = 1;
  watch_.reset();
  return *this;
}

void H1UpstreamConnection::send_head(const http::RequestHead& head, AnswerTimes times) {
  ++requests_;
  watch_.begin(times.head_ms, times.body_ms);
  request_ = codec_->write_head(head, *stream_);
  request_ended_ = http::is_empty(head.body);
  request_moved();
}

void H1UpstreamConnection::send_body(std::string_view bytes) {
  codec_->write_body(request_, bytes, *stream_);
  request_moved();
}

void H1UpstreamConnection::send_end(const http::HeaderList* trailers) {
  codec_->write_end(request_, trailers, *stream_);
  if (tunnel_) stream_->shutdown_write();
  request_ended_ = true;
  request_moved();
}

void H1UpstreamConnection::pause_response() {
  if (paused_) return;
  paused_ = true;
  codec_->pause_body(request_);
  stream_->stop_reading();
  watch_.stop();
}

void H1UpstreamConnection::resume_response() {
  if (!paused_ || dead_) return;
  paused_ = false;
  codec_->resume_body(request_);
  watch_.on_body_moved();
  if (!feeding_) pump();
}

// The last head has been read.
void H1UpstreamConnection::release_codec() {
  codec_ = http::make_h1_tunnel_codec(static_cast<http::ClientEvents&>(*this), request_);
  if (paused_) codec_->pause_body(request_);
}

// Feeds what was held back, then lets the socket speak again.
void H1UpstreamConnection::pump() {
  while (!held_.empty() && !paused_ && !dead_) {
    std::string bytes = std::exchange(held_, {});
    feed(bytes);
  }
  if (!paused_ && !dead_) stream_->start_reading();
}

void H1UpstreamConnection::give_back() {
  user_ = nullptr;
  bool reusable = codec_->finish_stream(request_) && !dead_ && held_.empty() && !paused_;
  auto most = pool_.config().pool.max_requests;
  if (most > 0 && requests_ >= static_cast<std::uint64_t>(most)) reusable = false;
  if (!reusable) return discard();
  room_ = 1;
  lent_ = 0;
  pool_.on_room(*this);
}

void H1UpstreamConnection::discard() {
  user_ = nullptr;
  room_ = 0;
  if (std::exchange(dead_, true)) return;
  watch_.cancel();
  stream_->set_owner(nullptr);
  stream_->stop_reading();
  pool_.remove(*this);
}

void H1UpstreamConnection::on_read(std::string_view bytes) {
  if (dead_) return;
  if (paused_ || feeding_) {
    held_.append(bytes);
    return;
  }
  feed(bytes);
}

void H1UpstreamConnection::feed(std::string_view bytes) {
  feeding_ = true;
  bool was_tunnel = tunnel_;
  auto taken = codec_->feed(bytes);
  feeding_ = false;
  if (dead_) return;
  if (tunnel_ != was_tunnel) release_codec();
  if (!taken) return lost(taken.error(), POSTERN_OUTCOME_PROTOCOL);
  if (*taken < bytes.size()) held_.insert(0, bytes.substr(*taken));
  if (!paused_ && !held_.empty() && user_ != nullptr) pump();
}

void H1UpstreamConnection::on_eof() {
  if (dead_) return;
  if (user_ == nullptr) return discard();
  auto ended = codec_->feed_eof();
  if (dead_) return;
  if (!ended) return lost(ended.error(), POSTERN_OUTCOME_RESET);
  if (user_ == nullptr) return discard();
  if (watch_.head_due())
    lost(Error::upstream(ErrorCode::proxy_error, "the upstream closed without an answer"), POSTERN_OUTCOME_RESET);
}

void H1UpstreamConnection::on_stream_error(const Error& error) {
  if (!dead_) lost(error, POSTERN_OUTCOME_RESET);
}

void H1UpstreamConnection::on_drained() {
  if (dead_ || user_ == nullptr) return;
  request_moved();
  user_->on_drained();
}

void H1UpstreamConnection::lost(const Error& error, std::uint32_t outcome) {
  UpstreamUser* user = std::exchange(user_, nullptr);
  discard();
  if (user != nullptr) user->on_lost({outcome, as_upstream_error(error)});
}

void H1UpstreamConnection::on_informational(http::StreamId, http::ResponseHead& head) {
  if (user_ != nullptr) user_->on_informational(head);
}

void H1UpstreamConnection::on_response_head(http::StreamId, http::ResponseHead& head, bool ends) {
  tunnel_ = head.upgrade;
  if (tunnel_) watch_.begin(0, 0);
  watch_.on_head(ends);
  if (user_ != nullptr) user_->on_response_head(head, ends);
}

void H1UpstreamConnection::on_response_body(http::StreamId, std::string_view bytes) {
  if (user_ == nullptr) return;
  if (!paused_) watch_.on_body_moved();
  user_->on_response_body(bytes);
}

void H1UpstreamConnection::on_response_end(http::StreamId, http::HeaderList* trailers) {
  watch_.stop();
  if (user_ != nullptr) user_->on_response_end(trailers);
}

void H1UpstreamConnection::on_deadline(void* self) {
  auto* c = static_cast<H1UpstreamConnection*>(self);
  if (c->watch_.idle()) return c->discard();
  auto what = c->watch_.overdue();
  if (!what.empty()) c->lost(Error::upstream(ErrorCode::timeout, std::string(what)), POSTERN_OUTCOME_TIMEOUT);
}

}  // namespace postern::proxy
