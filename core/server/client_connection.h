// One client connection: bytes become exchanges, one after another on HTTP/1. The one place that decides what an error
// means for the connection.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline_wheel.h"
#include "http/codec.h"
#include "net/loop.h"
#include "net/stream.h"
#include "server/connection_hooks.h"

namespace postern::server {

class Exchange;
class Worker;

class ClientConnection final : public net::Deferred, private net::StreamOwner, private http::ServerEvents {
 public:
  ClientConnection(Worker& worker, std::string_view listener, std::unique_ptr<net::Stream> stream);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection() override;

  void start();  // on_connection hooks, then the first request
  std::uint64_t handle() const noexcept { return handle_; }
  const std::string& peer_host() const noexcept { return stream_->peer_host(); }
  std::uint16_t peer_port() const noexcept { return stream_->peer_port(); }
  std::string_view listener_name() const noexcept { return listener_; }

  // --- From its exchange ---
  void let_body_flow(Exchange& exchange, bool flow);
  void write_informational(http::StreamId stream, const http::ResponseHead& head);
  void write_head(http::StreamId stream, const http::ResponseHead& head, bool close);
  void write_body(http::StreamId stream, std::string_view bytes);
  void write_end(http::StreamId stream, const http::HeaderList* trailers);
  bool congested() const noexcept { return stream_->above_high_watermark(); }
  bool closing_after(const http::RequestHead& request) const noexcept;  // this response is the connection's last
  void on_exchange_done(Exchange& exchange, std::uint32_t end, bool must_close);

  // --- From the worker ---
  void drain();  // closes when idle, else after the current exchange
  void abort(std::uint32_t end);
  std::size_t index = 0;  // in the worker's list

  // --- From the connection table (inside on_connection) ---
  void info(postern_connection_info& out) const;
  postern_status pause(postern_ticket& ticket) { return hooks_.pause(ticket); }
  postern_status resume(std::uint64_t pause, postern_verdict verdict);

 private:
  enum class Wait : std::uint8_t { idle, head, body, hook, response, half_closed };
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_stream_error(const Error& error) override;
  void on_drained() override;
  Arena& on_request_begin(http::StreamId stream) override;
  void on_request_head(http::StreamId stream, http::RequestHead& head, bool ends) override;
  void on_request_body(http::StreamId stream, std::string_view bytes) override;
  void on_request_end(http::StreamId stream, http::HeaderList* trailers) override;
  void on_stream_reset(http::StreamId stream) override;
  void feed(std::string_view bytes);
  void hold(std::string_view bytes);
  void pump_later();
  void pump();
  void on_protocol_error(const Error& error);
  void answer_what_came();
  void client_is_gone();
  bool last_has_come() const noexcept;
  void go_on(ConnectionHooks::Outcome outcome);
  bool answers_pile_up() const noexcept;
  void close();           // at once
  void close_politely();  // sends what is queued first and lets the client finish speaking
  void wait_for(Wait what);
  static void on_deadline(void* self);
  void on_waited_too_long();
  void watch_writing();
  void was_sent_to();
  static void on_write_deadline(void* self);

  Worker& worker_;
  std::uint64_t handle_;
  ConnectionHooks hooks_;
  std::string_view listener_;  // the worker's name for it; outlives the connection
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<http::ServerCodec> codec_;
  std::unique_ptr<Exchange> exchange_;
  Deadline deadline_;
  Deadline write_deadline_;
  std::size_t write_mark_ = 0;  // bytes queued when write_deadline_ was armed
  std::string held_;            // bytes the codec does not take yet
  Wait wait_ = Wait::idle;
  bool feeding_ = false;
  bool body_paused_ = false;
  bool begun_ = false;  // a head is complete and advance() has not run yet
  bool reading_ = false;
  bool served_ = false;  // at least one exchange has ended here
  bool draining_ = false;
  bool closed_ = false;
  bool pump_planned_ = false;
};

}  // namespace postern::server
