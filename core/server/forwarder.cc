#include "server/forwarder.h"

#include <utility>

#include "server/upstream_connection.h"
#include "server/upstream_set.h"

namespace postern::server {

Forwarder::Connect Forwarder::connect(Upstream& upstream, Endpoint& endpoint) {
  cancel();
  upstream_ = &upstream;
  endpoint_ = &endpoint;
  endpoint.pool.numbers().active(++endpoint.active);
  endpoint.pool.numbers().attempt();
  counted_ = true;
  head_sent_ = head_received_ = response_ended_ = request_ended_ = paused_ = false;
  if (UpstreamConnection* idle = endpoint.pool.take_idle(); idle != nullptr) {
    take(*idle);
    return Connect::ready;
  }
  if (endpoint.pool.wait(*this)) return Connect::waiting;
  endpoint.pool.numbers().failure();
  leave_endpoint();
  return Connect::refused;
}

void Forwarder::take(UpstreamConnection& connection) {
  connection_ = &connection;
  reused_ = connection.requests() > 0;
  connect_ns_ = connection.take_connect_ns();
  connection.lend(*this);
}

void Forwarder::on_pool_connection(UpstreamConnection& connection) {
  take(connection);
  host_->on_connected();
}

void Forwarder::on_pool_failure(std::uint32_t outcome, const Error& error) {
  endpoint_->pool.numbers().failure();
  leave_endpoint();
  host_->on_attempt_failed({outcome, error, true, false});
}

void Forwarder::send_head(const http::RequestHead& head, std::uint64_t response_timeout_ms) {
  head_sent_ = true;
  request_ended_ = http::is_empty(head.body);
  if (connection_ != nullptr) stream_ = connection_->send_head(head, response_timeout_ms);
}

void Forwarder::send_body(std::string_view bytes) {
  if (connection_ != nullptr) connection_->send_body(stream_, bytes);
}

void Forwarder::send_end(const http::HeaderList* trailers) {
  request_ended_ = true;
  if (connection_ != nullptr) connection_->send_end(stream_, trailers);
}

bool Forwarder::congested() const noexcept { return connection_ != nullptr && connection_->congested(); }

void Forwarder::pause_response() {
  if (connection_ == nullptr || response_ended_ || paused_) return;
  paused_ = true;
  connection_->pause_response(stream_);
}

void Forwarder::resume_response() {
  if (connection_ == nullptr || !std::exchange(paused_, false)) return;
  connection_->resume_response(stream_);
}

void Forwarder::leave_endpoint() noexcept {
  if (Endpoint* e = endpoint_; e != nullptr && std::exchange(counted_, false)) e->pool.numbers().active(--e->active);
}

void Forwarder::cancel() noexcept {
  leave_queue();
  leave_endpoint();
  if (auto* connection = std::exchange(connection_, nullptr)) connection->discard();
}

void Forwarder::release() {
  leave_queue();
  leave_endpoint();
  auto* connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  if (response_ended_ && request_ended_) return connection->give_back(stream_);
  connection->discard();
}

void Forwarder::on_response_head(http::StreamId, http::ResponseHead& head, bool ends) {
  head_received_ = true;
  if (ends) response_ended_ = true;
  host_->on_upstream_head(head, ends);
}

void Forwarder::on_response_body(http::StreamId, std::string_view bytes) { host_->on_upstream_body(bytes); }

void Forwarder::on_response_end(http::StreamId, http::HeaderList* trailers) {
  response_ended_ = true;
  host_->on_upstream_body_end(trailers);
}

void Forwarder::on_stream_reset(http::StreamId, Error error) {
  if (auto* connection = std::exchange(connection_, nullptr)) connection->discard();
  on_connection_lost(error, POSTERN_OUTCOME_RESET);
}

void Forwarder::on_connection_lost(const Error& error, std::uint32_t outcome) {
  connection_ = nullptr;
  if (!head_received_) endpoint_->pool.numbers().failure();
  leave_endpoint();
  if (head_received_) return host_->on_upstream_broken(error);
  bool stale = reused_ && outcome == POSTERN_OUTCOME_RESET;
  host_->on_attempt_failed({outcome, error, !head_sent_, stale});
}

}  // namespace postern::server
