// Where an exchange writes its answer: the stream of a client, whatever protocol it speaks.
#pragma once

#include <cstdint>
#include <string_view>

#include "exchange/client_facts.h"
#include "http/codec.h"

namespace postern::proxy {

class Exchange;

class ResponseSink {
 public:
  virtual const ClientFacts& client() const noexcept = 0;
  // The request's body goes on, or stops, coming.
  virtual void let_body_flow(http::StreamId stream, bool flow) = 0;
  virtual void write_informational(http::StreamId stream, const http::ResponseHead& head) = 0;
  // `close`: the connection (HTTP/2: the stream) takes no other request after this answer.
  virtual void write_head(http::StreamId stream, const http::ResponseHead& head, bool close) = 0;
  virtual void write_body(http::StreamId stream, std::string_view bytes) = 0;
  virtual void write_end(http::StreamId stream, const http::HeaderList* trailers) = 0;
  // Too much waits for the client to read it; Exchange::on_client_drained follows.
  virtual bool congested(http::StreamId stream) const noexcept = 0;
  virtual bool unsent(http::StreamId stream) const noexcept = 0;  // something waits for the client to read it
  // Whether write_head would have to close after an answer to this request.
  virtual bool closing_after(const http::RequestHead& request) const noexcept = 0;
  // `must_close`: nothing more can be understood on this stream (HTTP/1: on this connection).
  virtual void on_exchange_done(Exchange& exchange, std::uint32_t end, bool must_close) = 0;

 protected:
  ~ResponseSink() = default;
};

}  // namespace postern::proxy
