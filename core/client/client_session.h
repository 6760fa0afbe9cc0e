// What a client connection speaks, as the connection drives it: bytes and events go in. Its other side, which exchanges write
// to, is ResponseSink. HTTP/1 holds one exchange at a time (h1_session.h), HTTP/2 one for each stream (h2_session.h).
#pragma once

#include <cstdint>
#include <string_view>

#include "exchange/response_sink.h"
#include "http/codec.h"

namespace postern::proxy {

class ClientConnection;
class Exchange;

class ClientSession : public ResponseSink {
 public:
  explicit ClientSession(ClientConnection& connection) noexcept : connection_(connection) {}
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;
  virtual ~ClientSession() = default;
  const ClientFacts& client() const noexcept final;
  virtual http::Version protocol() const noexcept = 0;
  virtual std::size_t exchanges() const noexcept = 0;  // that are open

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
  // Something has changed that lets the session go on: pump() follows once, when nobody's method is on the stack and what has
  // gathered can go out together. Not after the connection has closed.
  void pump_later();
  bool pump_planned() const noexcept { return pump_planned_; }

  ClientConnection& connection_;

 private:
  virtual void pump() = 0;

  bool pump_planned_ = false;
};

}  // namespace postern::proxy
