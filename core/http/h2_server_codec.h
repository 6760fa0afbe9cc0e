// HTTP/2 towards clients: frames in, the events of many streams out. nghttp2 keeps the protocol; what heads say is judged
// by h2_fields.h, and what a client does too much of by h2_flood.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/codec.h"
#include "http/h2_flood.h"

namespace postern::http {

// What an HTTP/2 client sends first, TLS or not (RFC 9113 section 3.4).
inline constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct H2ServerLimits {
  HeadLimits head;
  std::uint32_t concurrent_streams = 128;   // REFUSED_STREAM beyond
  std::uint32_t stream_window = 64 * 1024;  // bytes of a request body that may come before somebody takes them
  std::uint32_t control_frames = 1'000;     // see H2FloodGuard
  std::uint32_t resets = 100;
  std::uint32_t most_head_sent = 64U << 20;  // bytes of an answer's head or trailers: any that a plugin could mean
};

// Differs from HTTP/1 where ServerCodec leaves room: write_* gathers until flush() unless a piece is large, and finish_stream
// never asks for the end of the connection. Memory of one connection is bounded by concurrent_streams times (stream_window, one
// head, and what is written beyond kStreamQueue).
class H2ServerCodec : public ServerCodec {
 public:
  // The time, before feed().
  virtual void set_now(std::uint64_t now_ns) = 0;
  // Which limit ended the connection (feed() failed) or the stream that is just being closed; none: no limit did.
  virtual H2Limit limit() const noexcept = 0;
  // Nothing more to read or to write: the connection may be closed after what is in the sink.
  virtual bool over() const noexcept = 0;
  // Why, when that was an error that the client made: a sentence; empty otherwise.
  virtual std::string_view fault() const noexcept = 0;
  virtual bool head_is_incomplete() const noexcept = 0;  // a head has begun and its last frame has not come
  // Breaks a stream off: RST_STREAM. `stalled`: the client leaves no room for the answer.
  enum class Break : std::uint8_t { internal_error, stalled };
  virtual void reset_stream(StreamId stream, Break why) = 0;
  // No more streams: first asks the client to begin none (a GOAWAY that takes all, and a PING), then, when it has heard that,
  // says which was the last. Flush afterwards.
  virtual void begin_goaway() = 0;
  virtual void end_goaway() = 0;  // does not wait for the client to have heard
};

// `events` outlives the codec.
std::unique_ptr<H2ServerCodec> make_h2_server_codec(ServerEvents& events, const H2ServerLimits& limits);

}  // namespace postern::http
