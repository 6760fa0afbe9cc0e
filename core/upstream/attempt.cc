#include "upstream/attempt.h"

#include <utility>

#include "upstream/upstream_connection.h"
#include "upstream/upstream_set.h"

namespace postern::proxy {

Attempt::Connect Attempt::connect(Endpoint& endpoint) {
  cancel();
  endpoint_ = &endpoint;
  endpoint.pool.metrics().active(++endpoint.active);
  endpoint.pool.metrics().attempt();
  counted_ = true;
  head_sent_ = head_received_ = response_ended_ = request_ended_ = paused_ = false;
  if (UpstreamConnection* connection = endpoint.pool.take(); connection != nullptr) {
    take(*connection);
    return Connect::ready;
  }
  if (endpoint.pool.wait(*this)) return Connect::waiting;
  endpoint.pool.metrics().failure();
  leave_endpoint();
  return Connect::refused;
}

void Attempt::take(UpstreamConnection& connection) {
  reused_ = connection.requests() > 0;
  connect_ns_ = connection.take_connect_ns();
  stream_ = &connection.lend(*this);
}

std::string Attempt::introduction() const {
  bool is_v1 = endpoint_->pool.config().proxy_protocol == config::ProxyHeader::v1;
  return host_->proxy_header(is_v1 ? net::ProxyVersion::v1 : net::ProxyVersion::v2);
}

void Attempt::on_pool_connection(UpstreamConnection& connection) {
  take(connection);
  host_->on_connected();
}

void Attempt::on_pool_failure(std::uint32_t outcome, const Error& error) {
  endpoint_->pool.metrics().failure();
  leave_endpoint();
  host_->on_attempt_failed({outcome, error, true, false});
}

void Attempt::send_head(const http::RequestHead& head, AnswerTimes times) {
  head_sent_ = true;
  request_ended_ = http::is_empty(head.body);
  if (stream_ != nullptr) stream_->send_head(head, times);
}

void Attempt::send_body(std::string_view bytes) {
  if (stream_ != nullptr) stream_->send_body(bytes);
}

void Attempt::send_end(const http::HeaderList* trailers) {
  request_ended_ = true;
  if (stream_ != nullptr) stream_->send_end(trailers);
}

bool Attempt::congested() const noexcept { return stream_ != nullptr && stream_->congested(); }

void Attempt::pause_response() {
  if (stream_ == nullptr || response_ended_ || paused_) return;
  paused_ = true;
  stream_->pause_response();
}

void Attempt::resume_response() {
  if (stream_ == nullptr || !std::exchange(paused_, false)) return;
  stream_->resume_response();
}

void Attempt::count_out() noexcept {
  counted_ = false;
  endpoint_->pool.metrics().active(--endpoint_->active);
}

void Attempt::release() {
  leave_queue();
  leave_endpoint();
  auto* stream = std::exchange(stream_, nullptr);
  if (stream == nullptr) return;
  if (response_ended_ && request_ended_) return stream->give_back();
  stream->discard();
}

void Attempt::on_response_head(http::ResponseHead& head, bool ends) {
  head_received_ = true;
  if (ends) response_ended_ = true;
  host_->on_upstream_head(head, ends);
}

void Attempt::on_response_end(http::HeaderList* trailers) {
  response_ended_ = true;
  host_->on_upstream_body_end(trailers);
}

void Attempt::on_lost(const StreamLoss& loss) {
  stream_ = nullptr;
  if (response_ended_) return;  // only the rest of the request got lost
  if (!head_received_) endpoint_->pool.metrics().failure();
  leave_endpoint();
  if (head_received_) return host_->on_upstream_broken(loss.error);
  bool stale_reset = reused_ && loss.outcome == POSTERN_OUTCOME_RESET && !loss.stream_alone;
  bool stale = loss.unprocessed || loss.silent || stale_reset;
  host_->on_attempt_failed({loss.outcome, loss.error, !head_sent_ || loss.unprocessed, stale});
}

}  // namespace postern::proxy
