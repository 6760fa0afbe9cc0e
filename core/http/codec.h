// What an HTTP version looks like to the rest of the gateway: bytes in, events out; heads and bodies in, bytes out.
// HTTP/1 implements it with one stream at a time; HTTP/2 with many. No I/O happens here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace postern::http {

// A request and its response on one connection; counts up from 1 on HTTP/1.
using StreamId = std::uint32_t;

// Where encoded bytes go. `append` copies or sends the bytes before it returns.
class ByteSink {
 public:
  virtual void append(std::string_view bytes) = 0;
  // What is appended now only waits in memory. HTTP/1 has to append it nevertheless; HTTP/2 chooses what goes first later.
  virtual bool full() const noexcept { return false; }

 protected:
  ~ByteSink() = default;
};

// What is enforced while parsing. Zero is not "unlimited" but zero.
struct HeadLimits {
  std::uint32_t request_line_bytes = 8 * 1024;  // 414 beyond
  std::uint32_t head_bytes = 64 * 1024;         // 431 beyond
  std::uint32_t fields = 100;                   // 431 beyond
};

// Events of the server side (we are the server). Nothing may destroy the codec inside an event.
class ServerEvents {
 public:
  // A new message starts: gives the arena for its head. Called before any other event of the stream.
  virtual Arena& on_request_begin(StreamId stream) = 0;
  // `head` stays valid until the stream's arena is reset. `ends`: there is no body, and on_request_end is not called.
  virtual void on_request_head(StreamId stream, RequestHead& head, bool ends) = 0;
  virtual void on_request_body(StreamId stream, std::string_view bytes) = 0;
  // Null: no trailers. They live as long as the head.
  virtual void on_request_end(StreamId stream, HeaderList* trailers) = 0;

  // --- HTTP/2 alone ---
  // A head that HTTP/2 allows and this gateway does not take: to be answered with the error's status. Instead of
  // on_request_head; what still comes of the request is dropped.
  virtual void on_request_refused(StreamId, const Error&) {}
  // The stream is no more. Null: its request and response have been whole, or finish_stream has been called. Else why it broke
  // off (no text: the client wished it); nothing of it is to be written any more.
  virtual void on_stream_closed(StreamId, const Error*) {}
  virtual void on_stream_writable(StreamId) {}  // queued() has fallen to a quarter of kStreamQueue, after it was above

 protected:
  ~ServerEvents() = default;
};

class ServerCodec {
 public:
  static constexpr std::size_t kStreamQueue =
      64 * 1024;  // bytes of one stream from which on nothing more should be written

  virtual ~ServerCodec() = default;

  // Consumes bytes from the client. Returns how many were taken: fewer than given only when the codec waits for the
  // current response to end (HTTP/1 pipelining) or was told to pause(); the rest must be fed again later.
  // An error is final for the connection; its code and status go to the client when the current stream still allows it:
  // on_request_begin has always been called before, so that there is a stream to answer on.
  virtual Result<std::size_t> feed(std::string_view bytes) = 0;
  // The client closed its sending side. An error when that was inside a message.
  virtual Result<void> feed_eof() = 0;

  // Stops and restarts events of one stream's body (HTTP/1: the whole connection; HTTP/2: its flow-control window).
  // After resume_body feed again what feed() did not take. The end of a body may still be told while paused when its
  // last byte was already taken, so it never has to be waited for without bytes.
  virtual void pause_body(StreamId stream) = 0;
  virtual void resume_body(StreamId stream) = 0;

  virtual void write_informational(StreamId stream, const ResponseHead& head, ByteSink& out) = 0;  // 1xx
  // `head.body` says how the body will come; the codec picks the wire framing (HTTP/1.0 clients get until_close).
  // 101 turns the stream into a tunnel: what comes and goes from then on is the other protocol's, as bodies without an end of
  // their own. `request_method` "HEAD" keeps Content-Length but sends no body. `close`: this is the connection's last response.
  virtual void write_head(StreamId stream, const ResponseHead& head, bool close, ByteSink& out) = 0;
  virtual void write_body(StreamId stream, std::string_view bytes, ByteSink& out) = 0;
  virtual void write_end(StreamId stream, const HeaderList* trailers,
                         ByteSink& out) = 0;  // may be left out without a body
  // The response is over (also after a reset): the codec forgets the stream and may take the next request.
  // False: this connection must be closed now (framing, Connection: close, unread request body).
  virtual bool finish_stream(StreamId stream) = 0;
  // True while a message is partly read or a stream is open: closing now would cut something off.
  virtual bool busy() const = 0;

  // --- What HTTP/2 has and HTTP/1 does not need ---
  // Writes what the codec holds back: its own frames after feed(), and what write_* gathers. Never inside an event.
  virtual void flush(ByteSink&) {}
  // Bytes of a response that wait for the client to give room for this stream, or for flush().
  virtual std::size_t queued(StreamId) const noexcept { return 0; }
};

// Why a stream ended before its response.
enum class StreamReset : std::uint8_t {
  by_peer,      // the upstream gave it up
  unprocessed,  // the upstream says that it did nothing with the request: safe to repeat (RFC 9113 section 8.7)
  malformed     // the upstream broke the protocol on this stream; the connection is still good
};

// Events of the client side (we are the client, talking to an upstream). Nothing may destroy the codec inside an event.
class ClientEvents {
 public:
  virtual Arena& on_response_begin(StreamId stream) = 0;
  virtual void on_informational(StreamId stream, ResponseHead& head) = 0;             // 1xx other than 101
  virtual void on_response_head(StreamId stream, ResponseHead& head, bool ends) = 0;  // as on_request_head
  virtual void on_response_body(StreamId stream, std::string_view bytes) = 0;
  virtual void on_response_end(StreamId stream, HeaderList* trailers) = 0;

  // --- HTTP/2 alone ---
  // The rest of the response will not come. Not told once it has come whole.
  virtual void on_stream_reset(StreamId, StreamReset, const Error&) {}
  virtual void on_stream_writable(StreamId) {}  // queued() has fallen to a quarter of kStreamQueue, after it was above
  // How many streams the upstream takes at the same time has become known, or changed. 0: no new ones on this connection;
  // those that are open go on.
  virtual void on_stream_limit(std::uint32_t) {}

 protected:
  ~ClientEvents() = default;
};

class ClientCodec {
 public:
  static constexpr std::size_t kStreamQueue =
      64 * 1024;  // bytes of one stream from which on nothing more should be written

  virtual ~ClientCodec() = default;

  // An error is final: the connection must not be reused. Bytes after a complete response are an error.
  virtual Result<std::size_t> feed(std::string_view bytes) = 0;
  // The upstream closed. Ends an until_close body; an error inside any other message.
  virtual Result<void> feed_eof() = 0;

  // Starts a request. `head.body` says how its body will come.
  virtual StreamId write_head(const RequestHead& head, ByteSink& out) = 0;
  virtual void write_body(StreamId stream, std::string_view bytes, ByteSink& out) = 0;
  virtual void write_end(StreamId stream, const HeaderList* trailers,
                         ByteSink& out) = 0;  // may be left out without a body
  virtual void pause_body(StreamId stream) = 0;
  virtual void resume_body(StreamId stream) = 0;
  // The exchange is over with this stream, whether it has ended or not (HTTP/2 then resets it). False: the connection
  // cannot carry another request.
  virtual bool finish_stream(StreamId stream) = 0;

  // --- What HTTP/2 has and HTTP/1 does not need ---
  // Bytes of a request that wait for the upstream to give room for this stream.
  virtual std::size_t queued(StreamId) const noexcept { return 0; }
  // Asks whether the upstream is still there. Its answer is bytes like any other.
  virtual void ping() {}
  // Writing has ended a stream or moved it, which is never told inside the call: feed() tells it, without bytes as well.
  virtual bool owes_events() const noexcept { return false; }
  // All of the response is here, though some may be held back while it is paused.
  virtual bool response_came(StreamId) const noexcept { return false; }
};

}  // namespace postern::http
