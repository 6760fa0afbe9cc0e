// What a client connection speaks, seen from its two sides: exchanges write their answers here, the connection gives bytes
// and events. HTTP/1 holds one exchange at a time (h1_session.h), HTTP/2 one for each stream (h2_session.h).
#pragma once

#include <cstdint>
#include <string_view>

#include "http/codec.h"

namespace postern::proxy {

class ClientConnection;
class Exchange;

class ClientSession {
 public:
  explicit ClientSession(ClientConnection& connection) noexcept : connection_(connection) {}
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;
  virtual ~ClientSession() = default;
  ClientConnection& connection() const noexcept { return connection_; }
  virtual http::Version protocol() const noexcept = 0;
  virtual std::size_t exchanges() const noexcept = 0;  // that are open

  // --- From exchanges ---
  virtual void let_body_flow(Exchange& exchange, bool flow) = 0;
  virtual void write_informational(http::StreamId stream, const http::ResponseHead& head) = 0;
  virtual void write_head(http::StreamId stream, const http::ResponseHead& head, bool close) = 0;
  virtual void write_body(http::StreamId stream, std::string_view bytes) = 0;
  virtual void write_end(http::StreamId stream, const http::HeaderList* trailers) = 0;
  // Too much waits for the client to read it; Exchange::on_client_drained follows.
  virtual bool congested(http::StreamId stream) const noexcept = 0;
  virtual bool unsent(http::StreamId stream) const noexcept = 0;  // something waits for the client to read it
  virtual bool closing_after(
      const http::RequestHead& request) const noexcept = 0;  // as ServerCodec::write_head's `close`
  // `must_close`: nothing more can be understood on this stream (HTTP/1: on this connection).
  virtual void on_exchange_done(Exchange& exchange, std::uint32_t end, bool must_close) = 0;

  // --- From the connection; never after end() ---
  virtual void start() = 0;  // the connection is admitted; bytes follow
  virtual void on_read(std::string_view bytes) = 0;
  virtual void on_eof() = 0;
  virtual void on_drained() = 0;   // the socket takes bytes again
  virtual void on_deadline() = 0;  // what ClientConnection::arm asked for
  virtual void drain() = 0;        // no more requests than those that are there
  virtual void on_gone(
      std::uint32_t end) = 0;  // POSTERN_END_*: nothing can be sent any more. The connection closes after it
  virtual void end() = 0;      // the connection has closed: exchanges go to the deferred deletes

 protected:
  ClientConnection& connection_;
};

}  // namespace postern::proxy
