#include "server/upstream_connection.h"

#include <postern/abi.h>

#include <utility>

#include "config/config.h"
#include "http/h1_client_codec.h"
#include "server/forwarder.h"
#include "server/upstream_pool.h"

namespace postern::server {

UpstreamConnection::UpstreamConnection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream,
                                       std::uint64_t connect_ns)
    : pool_(pool),
      stream_(std::move(stream)),
      codec_(http::make_h1_client_codec(*this, http::HeadLimits{})),
      deadline_(&UpstreamConnection::on_deadline, this),
      connect_ns_(connect_ns) {
  stream_->set_owner(this);
  stream_->start_reading();
}

UpstreamConnection::~UpstreamConnection() = default;

void UpstreamConnection::lend(Forwarder& user) noexcept {
  user_ = &user;
  answer_due_ = true;
  wait_for(Wait::nothing);
}

http::StreamId UpstreamConnection::send_head(const http::RequestHead& head, std::uint64_t response_timeout_ms) {
  ++requests_;
  response_timeout_ms_ = response_timeout_ms;
  auto stream = codec_->write_head(head, *stream_);
  request_ended_ = http::is_empty(head.body);
  await_answer();
  return stream;
}

void UpstreamConnection::send_body(http::StreamId stream, std::string_view bytes) {
  codec_->write_body(stream, bytes, *stream_);
  await_answer();
}

void UpstreamConnection::send_end(http::StreamId stream, const http::HeaderList* trailers) {
  codec_->write_end(stream, trailers, *stream_);
  request_ended_ = true;
  await_answer();
}

// The upstream's time runs once it has the whole request, and while it does not read: a slow client is not its fault.
void UpstreamConnection::await_answer() {
  if (answer_due_) wait_for(request_ended_ || congested() ? Wait::response : Wait::nothing);
}

void UpstreamConnection::pause_response(http::StreamId stream) {
  if (paused_) return;
  paused_ = true;
  codec_->pause_body(stream);
  stream_->stop_reading();
  wait_for(Wait::nothing);
}

void UpstreamConnection::resume_response(http::StreamId stream) {
  if (!paused_ || dead_) return;
  paused_ = false;
  codec_->resume_body(stream);
  wait_for(Wait::body);
  if (!feeding_) pump();
}

// Feeds what was held back, then lets the socket speak again.
void UpstreamConnection::pump() {
  while (!held_.empty() && !paused_ && !dead_) {
    std::string bytes = std::exchange(held_, {});
    feed(bytes);
  }
  if (!paused_ && !dead_) stream_->start_reading();
}

void UpstreamConnection::give_back(http::StreamId stream) {
  user_ = nullptr;
  bool reusable = codec_->finish_stream(stream) && !dead_ && held_.empty() && !paused_;
  auto most = pool_.config().pool.max_requests;
  if (most > 0 && requests_ >= static_cast<std::uint64_t>(most)) reusable = false;
  if (reusable) return pool_.give_back(*this);
  discard();
}

void UpstreamConnection::discard() {
  user_ = nullptr;
  if (std::exchange(dead_, true)) return;
  deadline_.cancel();
  stream_->set_owner(nullptr);
  stream_->stop_reading();
  pool_.discard(*this);
}

void UpstreamConnection::set_idle(std::uint64_t idle_timeout_ms) {
  wait_ = Wait::idle;
  pool_.loop().arm(deadline_, idle_timeout_ms);
}

void UpstreamConnection::on_read(std::string_view bytes) {
  if (dead_) return;
  if (paused_ || feeding_) {
    held_.append(bytes);
    return;
  }
  feed(bytes);
}

void UpstreamConnection::feed(std::string_view bytes) {
  feeding_ = true;
  auto taken = codec_->feed(bytes);
  feeding_ = false;
  if (dead_) return;
  if (!taken) return lost(taken.error(), POSTERN_OUTCOME_PROTOCOL);
  if (*taken < bytes.size()) held_.insert(0, bytes.substr(*taken));
  if (!paused_ && !held_.empty() && user_ != nullptr) pump();
}

void UpstreamConnection::on_eof() {
  if (dead_) return;
  if (user_ == nullptr) return discard();
  auto ended = codec_->feed_eof();
  if (dead_) return;
  if (!ended) return lost(ended.error(), POSTERN_OUTCOME_RESET);
  if (user_ == nullptr) return discard();
  if (answer_due_)
    lost(Error::upstream(ErrorCode::proxy_error, "the upstream closed without an answer"), POSTERN_OUTCOME_RESET);
}

void UpstreamConnection::on_stream_error(const Error& error) {
  if (!dead_) lost(error, POSTERN_OUTCOME_RESET);
}

void UpstreamConnection::on_drained() {
  if (dead_ || user_ == nullptr) return;
  await_answer();
  user_->on_drained();
}

void UpstreamConnection::lost(const Error& error, std::uint32_t outcome) {
  Forwarder* user = std::exchange(user_, nullptr);
  Error reason = error;
  if (reason.origin != Origin::upstream || reason.code == ErrorCode::internal_error) {
    reason = Error::upstream(ErrorCode::proxy_error, error.text);
  }
  if (outcome == POSTERN_OUTCOME_TIMEOUT) reason.code = ErrorCode::timeout;
  discard();
  if (user != nullptr) user->on_connection_lost(reason, outcome);
}

Arena& UpstreamConnection::on_response_begin(http::StreamId stream) {
  return static_cast<http::ClientEvents*>(user_)->on_response_begin(stream);
}

void UpstreamConnection::on_informational(http::StreamId stream, http::ResponseHead& head) {
  if (user_ != nullptr) static_cast<http::ClientEvents*>(user_)->on_informational(stream, head);
}

void UpstreamConnection::on_response_head(http::StreamId stream, http::ResponseHead& head, bool ends) {
  answer_due_ = false;
  wait_for(ends ? Wait::nothing : Wait::body);
  if (user_ != nullptr) static_cast<http::ClientEvents*>(user_)->on_response_head(stream, head, ends);
}

void UpstreamConnection::on_response_body(http::StreamId stream, std::string_view bytes) {
  if (user_ == nullptr) return;
  if (!paused_) wait_for(Wait::body);
  static_cast<http::ClientEvents*>(user_)->on_response_body(stream, bytes);
}

void UpstreamConnection::on_response_end(http::StreamId stream, http::HeaderList* trailers) {
  wait_for(Wait::nothing);
  if (user_ != nullptr) static_cast<http::ClientEvents*>(user_)->on_response_end(stream, trailers);
}

void UpstreamConnection::on_stream_reset(http::StreamId stream, Error error) {
  if (user_ != nullptr) static_cast<http::ClientEvents*>(user_)->on_stream_reset(stream, std::move(error));
}

void UpstreamConnection::wait_for(Wait what) {
  wait_ = what;
  if (what == Wait::nothing) return;  // a deadline that comes meanwhile is ignored: cheaper than taking it out
  auto body_ms = static_cast<std::uint64_t>(pool_.config().timeouts.body);
  pool_.loop().arm(deadline_, what == Wait::response ? response_timeout_ms_ : body_ms);
}

void UpstreamConnection::on_deadline(void* self) {
  auto* c = static_cast<UpstreamConnection*>(self);
  switch (c->wait_) {
    case Wait::nothing:
      return;
    case Wait::idle:
      return c->discard();
    case Wait::response:
      return c->lost(Error::upstream(ErrorCode::timeout, "no response head in time"), POSTERN_OUTCOME_TIMEOUT);
    case Wait::body:
      return c->lost(Error::upstream(ErrorCode::timeout, "the response body stood still"), POSTERN_OUTCOME_TIMEOUT);
  }
}

}  // namespace postern::server
