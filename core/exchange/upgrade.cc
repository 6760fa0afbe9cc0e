#include "exchange/upgrade.h"

#include <string>

#include "http/websocket_handshake.h"

namespace postern::proxy {

// ---- The handshake -------------------------------------------------------------------------------------------------------

Result<void> Upgrade::choose_protocol() {
  const auto& config = *x_.route->config;
  for (const auto& protocol : config.upgrade) {
    protocol_ = http::asked_protocol(x_.request->upgrade_protocol, protocol);
    if (!protocol_.empty()) break;
  }
  if (protocol_.empty()) {
    if (!x_.request->extended_connect) return {};
    // RFC 9220 section 3; as a GET its answer would pass for a tunnel.
    return fail(Error::client(ErrorCode::not_implemented, "the route has no such protocol"));
  }
  if (http::same_name(protocol_, http::kWebSocket)) {
    auto problem = http::websocket_request_problem(*x_.request);
    if (!problem.empty()) return fail(Error::client(ErrorCode::bad_request, std::string(problem)));
  }
  if (place_.take(x_.worker.shared().tunnels.of(config.id), config.tunnel.max)) return {};
  return fail(Error::gateway("route " + config.id + " has all its tunnels").with(ErrorCode::service_unavailable));
}

const char* Upgrade::problem_of_change(const http::ResponseHead& response, const http::RequestHead& asked) const {
  if (response.upgrade && !answers_request(response, asked))
    return "the upstream switched to a protocol that nobody asked for";
  return passes_for_tunnel(response) ? "the upstream answered without switching protocols" : nullptr;
}

bool Upgrade::answers_request(const http::ResponseHead& response, const http::RequestHead& asked) const noexcept {
  if (protocol_.empty() || !http::same_name(response.upgrade_protocol, protocol_)) return false;
  if (!x_.request->extended_connect || !http::same_name(protocol_, http::kWebSocket)) return true;
  // The handshake is ours, and so is the check of its answer.
  auto key = asked.headers.get("Sec-WebSocket-Key");
  auto accept = response.headers.get("Sec-WebSocket-Accept");
  return key && accept && *accept == http::websocket_accept(*key);
}

// ---- The tunnel ----------------------------------------------------------------------------------------------------------

std::string_view Upgrade::tunnel_protocol() const noexcept {
  if (http::same_name(protocol_, http::kWebSocket)) return http::kWebSocket;
  for (const auto& protocol : x_.route->config->upgrade)
    if (http::same_name(protocol_, protocol)) return protocol;
  return protocol_;
}

void Upgrade::start() {
  Tunnel::Host& host = *this;
  tunnel_ = std::make_unique<Tunnel>(host, x_.loop(), x_.plan.tunnels(), *x_.route->config, tunnel_protocol());
  if (x_.request->extended_connect) relay_.head()->headers.remove("Sec-WebSocket-Accept");
  relay_.start_tunnel();
  if (x_.client->client().draining()) on_drain();
  if (x_.worker.plan() != &x_.plan) tunnel_->reloaded();
  relay_.on_client_drained();  // what the upstream says comes from here on
}

void Upgrade::on_drain() {
  if (tunnel_ != nullptr) tunnel_->drain(x_.client->client().drain_ms());
}

void Upgrade::update_flow() {
  bool flows = !attempt_.congested();
  if (x_.client == nullptr || flows == flows_) return;
  flows_ = flows;
  x_.client->let_body_flow(x_.stream, flows);
}

void Upgrade::on_upstream_drained() { update_flow(); }

void Upgrade::tunnel_to_upstream(std::string_view bytes) {
  attempt_.send_body(bytes);
  update_flow();
}

bool Upgrade::tunnel_waits_for_client() const noexcept { return x_.client != nullptr && x_.client->unsent(x_.stream); }

void Upgrade::stop(std::uint32_t end) noexcept {
  if (tunnel_ != nullptr)
    tunnel_->stop(end == POSTERN_END_OK ? "upstream" : end == POSTERN_END_CLIENT_GONE ? "client" : "aborted");
  place_.leave();
}

}  // namespace postern::proxy
