#include "client/h1_tunnel_session.h"

#include <postern/abi.h>

#include <utility>

#include "client/client_connection.h"
#include "exchange/settled_tunnel.h"
#include "server/worker.h"

namespace postern::proxy {
namespace {

class H1TunnelSession final : public ClientSession {
 public:
  H1TunnelSession(ClientConnection& connection, std::unique_ptr<SettledTunnel> tunnel)
      : ClientSession(connection), tunnel_(std::move(tunnel)) {
    tunnel_->serve(*this);
  }

  http::Version protocol() const noexcept override { return http::Version::http11; }
  std::size_t exchanges() const noexcept override { return 1; }
  void let_tunnel_flow(http::StreamId, bool flow) override { flow ? out().start_reading() : out().stop_reading(); }
  void write_body(http::StreamId, std::string_view bytes) override {
    out().append(bytes);
    if (out().above_high_watermark()) connection_.watch_writing();
  }
  bool congested(http::StreamId) const noexcept override { return out().above_high_watermark(); }
  bool unsent(http::StreamId) const noexcept override { return out().queued() > 0; }
  void on_exchange_done(Exchange&, std::uint32_t end, bool) override {
    if (end == POSTERN_END_OK) return connection_.close_politely();
    out().reset();
    connection_.close();
  }

  void on_read(std::string_view bytes) override { tunnel_->on_client_body(bytes); }
  void on_eof() override { tunnel_->on_client_body_end(nullptr); }
  void on_drained() override { tunnel_->on_client_drained(); }
  void drain() override { tunnel_->on_drain(); }
  void on_gone(std::uint32_t end) override { tunnel_->on_client_gone(end); }
  void end() override { connection_.worker().loop().defer_delete(std::move(tunnel_)); }

  // Heads, and what may come before them, have their time behind them.
  void start() override {}
  void on_deadline() override {}
  void let_body_flow(Exchange&, bool) override {}
  void write_informational(http::StreamId, const http::ResponseHead&) override {}
  void write_head(http::StreamId, const http::ResponseHead&, bool) override {}
  void write_end(http::StreamId, const http::HeaderList*) override {}
  bool closing_after(const http::RequestHead&) const noexcept override { return true; }
  bool may_settle_tunnel(http::StreamId) const noexcept override { return false; }
  std::unique_ptr<ClientSession> settle_tunnel(http::StreamId, std::unique_ptr<SettledTunnel>) override {
    return nullptr;
  }

 private:
  net::Stream& out() const noexcept { return connection_.stream(); }

  std::unique_ptr<SettledTunnel> tunnel_;
};

}  // namespace

std::unique_ptr<ClientSession> make_h1_tunnel_session(ClientConnection& connection,
                                                      std::unique_ptr<SettledTunnel> tunnel) {
  return std::make_unique<H1TunnelSession>(connection, std::move(tunnel));
}

}  // namespace postern::proxy
