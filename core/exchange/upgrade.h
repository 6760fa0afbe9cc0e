// The change of an exchange to another protocol: what may be asked for, whether the upstream agrees, and the tunnel that follows.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "exchange/exchange_context.h"
#include "exchange/response_relay.h"
#include "exchange/tunnel.h"
#include "http/message.h"
#include "upstream/attempt_roles.h"

namespace postern::proxy {

class Upgrade final : private Tunnel::Host {
 public:
  Upgrade(ExchangeContext& exchange, ResponseRelay& relay, RequestBodySink& attempt)
      : x_(exchange), relay_(relay), attempt_(attempt) {}
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  // --- The handshake ---
  // After the request hooks. An upgrade that the route does not have is ignored (RFC 9110 section 7.8); errors refuse the request.
  Result<void> choose(bool has_body) {
    protocol_ = {};
    if (!x_.request->upgrade || has_body) return {};
    return choose_protocol();
  }
  std::string_view protocol() const noexcept { return protocol_; }  // that the upstream is asked for; empty: none
  // Why the upstream's response to `asked` cannot go to the client; null when it can.
  const char* problem_of(const http::ResponseHead& response, const http::RequestHead& asked) const {
    return response.upgrade || x_.request->extended_connect ? problem_of_change(response, asked) : nullptr;
  }
  // A plugin's 2xx, which a client of HTTP/2 would take for the tunnel that it asked for (RFC 8441 section 5).
  bool passes_for_tunnel(const http::ResponseHead& response) const noexcept {
    return x_.request->extended_connect && !response.upgrade && response.status < 300;
  }

  // --- The tunnel ---
  void start();  // response hooks have run on the 101; body hooks do not, for there is no body that they would know
  bool has_tunnel() const noexcept { return tunnel_ != nullptr; }
  Tunnel& tunnel() noexcept { return *tunnel_; }
  std::string_view tunnel_protocol() const noexcept;  // as the configuration writes it, whatever the client's spelling
  void on_upstream_drained();
  void on_drain();                        // the client's connection takes no more requests
  void stop(std::uint32_t end) noexcept;  // POSTERN_END_*

 private:
  Result<void> choose_protocol();
  const char* problem_of_change(const http::ResponseHead& response, const http::RequestHead& asked) const;
  bool answers_request(const http::ResponseHead& response, const http::RequestHead& asked) const noexcept;
  void update_flow();
  // Tunnel::Host
  void tunnel_to_client(std::string_view bytes) override { relay_.write(bytes); }
  void tunnel_to_upstream(std::string_view bytes) override;
  void end_tunnel_to_upstream() override { attempt_.send_end(nullptr); }
  bool tunnel_waits_for_client() const noexcept override;
  void end_tunnel() override { relay_.finish(); }

  ExchangeContext& x_;
  ResponseRelay& relay_;
  RequestBodySink& attempt_;
  std::string_view protocol_;
  TunnelPlace place_;
  std::unique_ptr<Tunnel> tunnel_;
  bool flows_ = true;  // what the client sends in the tunnel is taken
};

}  // namespace postern::proxy
