// One client connection: admission, the choice of protocol, and the end. Its session speaks the
// protocol and has the exchanges. This is the one place that ends a connection.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline_wheel.h"
#include "client/client_session.h"
#include "client/connection_hooks.h"
#include "config/config.h"
#include "net/loop.h"
#include "net/proxy_protocol.h"
#include "net/stream.h"

namespace postern::proxy {

class ConnectionKeeper;
class WorkerContext;

class ClientConnection final : public net::Deferred, public ClientFacts, private net::StreamOwner {
 public:
  ClientConnection(WorkerContext& worker, ConnectionKeeper& keeper, std::string_view listener,
                   std::unique_ptr<net::Stream> stream);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection() override;

  void start();  // on_connection hooks, then the first request

  // --- ClientFacts ---
  std::uint64_t handle() const noexcept override { return handle_; }
  const std::string& peer_host() const noexcept override { return stream_->peer_host(); }
  std::uint16_t peer_port() const noexcept override { return stream_->peer_port(); }
  std::string_view listener_name() const noexcept override { return listener_; }
  const net::TlsInfo* tls() const noexcept override { return stream_->tls(); }
  std::string proxy_header(net::ProxyVersion version) const override;
  bool draining() const noexcept override { return draining_; }
  std::int64_t drain_ms() const noexcept override { return timeouts().drain; }

  // --- From its session ---
  WorkerContext& worker() noexcept { return worker_; }
  net::Stream& stream() noexcept { return *stream_; }  // not after close()
  const net::Stream& stream() const noexcept { return *stream_; }
  const config::Timeouts& timeouts() const noexcept;  // of the current generation
  bool closed() const noexcept { return closed_; }
  void arm(std::int64_t delay_ms);  // ClientSession::on_deadline when it is over; replaces the one before
  void disarm() noexcept { deadline_.cancel(); }
  // A client that takes nothing for a whole write timeout is cut off; one that reads slowly is not.
  void watch_writing();
  void close();           // at once
  void close_politely();  // sends what is queued first and lets the client finish speaking
  void client_is_gone();  // its exchanges end, then it closes

  // --- From the worker ---
  void drain();  // closes when idle, else after the exchanges that it has
  void abort(std::uint32_t end);
  std::size_t index = 0;  // in the worker's list

  // --- From the connection table (pause and resume inside on_connection) ---
  void info(postern_connection_info& out) const;
  postern_status pause(postern_ticket& ticket) { return hooks_.pause(ticket); }
  postern_status resume(std::uint64_t pause, postern_verdict verdict);

 private:
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_stream_error(const Error& error) override;
  void on_drained() override;
  const net::Address& local_address() const;
  void go_on(ConnectionHooks::Outcome outcome);
  void go_on_with(std::uint64_t pause);  // that has been resumed
  struct Protocols {
    bool http1, http2;
  };
  Protocols protocols() const noexcept;
  void admit();
  void choose(std::string_view bytes);
  void speak(std::unique_ptr<ClientSession> session);
  void speak_http1();
  static void on_deadline(void* self);
  void on_waited_too_long();
  static void on_write_deadline(void* self);

  WorkerContext& worker_;
  ConnectionKeeper& keeper_;
  std::uint64_t handle_;
  ConnectionHooks hooks_;
  std::string_view listener_;  // the worker's name for it; outlives the connection
  std::unique_ptr<net::Stream> stream_;
  mutable std::unique_ptr<const net::Address> local_address_;  // null until somebody asks
  std::unique_ptr<ClientSession> session_;                     // null until the protocol is known
  std::string first_bytes_;                                    // that may still become HTTP/2's preface
  Deadline deadline_;
  Deadline write_deadline_;
  std::uint64_t opened_ns_;     // monotonic
  std::size_t write_mark_ = 0;  // bytes queued when write_deadline_ was armed
  bool admitted_ = false;
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace postern::proxy
