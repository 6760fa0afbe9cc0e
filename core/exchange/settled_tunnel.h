// An exchange's tunnel once the handshake is over: bytes between the client's stream and the upstream's socket. The exchange itself
// is put away in a few hundred bytes until a plugin asks for it, or the tunnel ends and tells it so.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/record.h"
#include "exchange/client_session.h"
#include "exchange/exchange.h"
#include "exchange/tunnel.h"
#include "http/codec.h"
#include "net/stream.h"

namespace postern::proxy {

class UpstreamPool;
class Worker;
class WorkerPlan;

class SettledTunnel final : public ClientStreamUser, private Tunnel::Host, private net::StreamOwner {
 public:
  // What an exchange hands over.
  struct Parts {
    std::uint64_t handle;
    http::StreamId stream;
    std::unique_ptr<Tunnel> tunnel;
    TunnelPlace place;
    std::unique_ptr<net::Stream> upstream;
    UpstreamPool& pool;            // that counts `upstream`
    std::uint64_t sent, received;  // bytes so far
    Record record;                 // Exchange::put_away
  };
  SettledTunnel(Worker& worker, WorkerPlan& plan, Parts parts);
  SettledTunnel(const SettledTunnel&) = delete;
  SettledTunnel& operator=(const SettledTunnel&) = delete;
  ~SettledTunnel() override;

  void serve(ClientSession& client) noexcept { client_ = &client; }  // before anything else
  Exchange& wake();

  // From the client's session.
  void on_client_body(std::string_view bytes) override;
  void on_client_body_end(http::HeaderList* trailers) override;
  void on_client_gone(std::uint32_t end) override;
  void on_client_drained() override;
  void on_drain() override;

 private:
  // Tunnel::Host
  void tunnel_to_client(std::string_view bytes) override;
  void tunnel_to_upstream(std::string_view bytes) override;
  void end_tunnel_to_upstream() override { upstream_->shutdown_write(); }
  bool tunnel_waits_for_client() const noexcept override { return client_->unsent(stream_); }
  void end_tunnel() override;
  // net::StreamOwner: the upstream's socket
  void on_read(std::string_view bytes) override { tunnel_->from_upstream(bytes); }
  void on_eof() override { end_tunnel(); }
  void on_stream_error(const Error& error) override;
  void on_drained() override { let_client_flow(); }

  bool begin_end(std::string_view ended_by);
  void let_client_flow();
  void put_away();

  Worker& worker_;
  WorkerPlan& plan_;
  ClientSession* client_ = nullptr;
  std::uint64_t handle_;
  http::StreamId stream_;
  bool client_flows_ = true;
  bool ended_ = false;
  std::unique_ptr<Tunnel> tunnel_;
  TunnelPlace place_;
  std::unique_ptr<net::Stream> upstream_;
  UpstreamPool& pool_;
  std::uint64_t sent_;
  std::uint64_t received_;
  Record record_;                       // while the exchange is awake its views point there
  std::unique_ptr<Exchange> exchange_;  // null: asleep
};

}  // namespace postern::proxy
