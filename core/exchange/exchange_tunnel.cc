// The exchange's change to another protocol: what may be asked for, and the tunnel that follows.
#include <string>
#include <utility>

#include "exchange/exchange.h"
#include "exchange/worker_context.h"
#include "http/websocket_handshake.h"

namespace postern::proxy {

// The request hooks have run. An upgrade that the route does not have is ignored (RFC 9110 section 7.8).
bool Exchange::choose_upgrade() {
  upgrade_ = {};
  if (!request_->upgrade || has_request_body()) return true;
  for (const auto& protocol : route_->config->upgrade) {
    upgrade_ = http::asked_protocol(request_->upgrade_protocol, protocol);
    if (!upgrade_.empty()) break;
  }
  if (upgrade_.empty()) {
    if (!request_->extended_connect) return true;
    // RFC 9220 section 3; as a GET its answer would pass for a tunnel.
    reply(Error::client(ErrorCode::not_implemented, "the route has no such protocol"));
    return false;
  }
  if (http::same_name(upgrade_, http::kWebSocket)) {
    auto problem = http::websocket_request_problem(*request_);
    if (!problem.empty()) {
      reply(Error::client(ErrorCode::bad_request, std::string(problem)));
      return false;
    }
  }
  const auto& config = *route_->config;
  if (tunnel_place_.take(worker_.shared().tunnels.of(config.id), config.tunnel.max)) return true;
  reply(Error::gateway("route " + config.id + " has all its tunnels").with(ErrorCode::service_unavailable));
  return false;
}

bool Exchange::answers_upgrade(const http::ResponseHead& head) const noexcept {
  if (upgrade_.empty() || !http::same_name(head.upgrade_protocol, upgrade_)) return false;
  if (!request_->extended_connect || !http::same_name(upgrade_, http::kWebSocket)) return true;
  // The handshake is ours, and so is the check of its answer.
  auto key = upstream_head_->headers.get("Sec-WebSocket-Key");
  auto accept = head.headers.get("Sec-WebSocket-Accept");
  return key && accept && *accept == http::websocket_accept(*key);
}

// A plugin's 2xx, which a client of HTTP/2 would take for the tunnel that it asked for.
bool Exchange::passes_for_tunnel() const noexcept {
  return request_->extended_connect && !response_->upgrade && response_->status < 300;
}

// What HTTP/1.1 wants to hear and HTTP/2 does not say (RFC 8441 section 5).
void Exchange::ask_for_upgrade(http::RequestHead& head) {
  head.upgrade = !upgrade_.empty();
  head.upgrade_protocol = upgrade_;
  if (!request_->extended_connect || !http::same_name(upgrade_, http::kWebSocket)) return;
  head.headers.set("Sec-WebSocket-Key", http::websocket_key());
  if (!head.headers.find("Sec-WebSocket-Version")) head.headers.set_view("Sec-WebSocket-Version", "13");
}

std::string_view Exchange::tunnel_protocol() const noexcept {
  if (http::same_name(upgrade_, http::kWebSocket)) return http::kWebSocket;
  for (const auto& protocol : route_->config->upgrade)
    if (http::same_name(upgrade_, protocol)) return protocol;
  return upgrade_;
}

// Response hooks have run; body hooks do not, for there is no body that they would know.
void Exchange::start_tunnel() {
  stage_ = Stage::relay;
  wait();
  Tunnel::Host& host = *this;
  tunnel_ = std::make_unique<Tunnel>(host, worker_.loop(), plan_.tunnels(), *route_->config, tunnel_protocol());
  if (request_->extended_connect) response_->headers.remove("Sec-WebSocket-Accept");
  head_sent_ = must_close_ = true;
  body_wanted_ = true;
  client_->write_head(stream_, *response_, true);
  if (client_->client().draining()) on_drain();
  if (worker_.plan() != &plan_) tunnel_->reloaded();
  forwarder_.resume_response();
}

void Exchange::on_drain() {
  if (tunnel_ != nullptr) tunnel_->drain(client_->client().drain_ms());
}

void Exchange::let_client_flow() {
  bool wanted = !forwarder_.congested();
  if (client_ == nullptr || wanted == body_wanted_) return;
  body_wanted_ = wanted;
  client_->let_body_flow(stream_, wanted);
}

void Exchange::tunnel_to_client(std::string_view bytes) {
  if (client_ == nullptr || bytes.empty()) return;
  response_body_bytes_ += bytes.size();
  client_->write_body(stream_, bytes);
  if (client_->congested(stream_)) forwarder_.pause_response();
}

void Exchange::tunnel_to_upstream(std::string_view bytes) {
  forwarder_.send_body(bytes);
  let_client_flow();
}

void Exchange::end_tunnel_to_upstream() { forwarder_.send_end(nullptr); }

bool Exchange::tunnel_waits_for_client() const noexcept { return client_ != nullptr && client_->unsent(stream_); }

void Exchange::end_tunnel() { finish_response(); }

}  // namespace postern::proxy
