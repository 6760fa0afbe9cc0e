// A connection to an upstream as its pool and its users see it, whatever HTTP version it speaks: it lends streams, each
// good for one request and its response. HTTP/1 has one stream at a time, HTTP/2 many.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "base/error.h"
#include "http/message.h"
#include "net/loop.h"
#include "net/stream.h"

namespace postern::proxy {

class UpstreamPool;

// How a stream ended before its response did.
struct StreamLoss {
  std::uint32_t outcome;      // POSTERN_OUTCOME_RESET, TIMEOUT or PROTOCOL
  Error error;                // origin upstream
  bool unprocessed = false;   // the upstream says that it did nothing with the request (RFC 9113 section 8.7)
  bool silent = false;        // its connection was dead without a sign: the upstream may be well
  bool stream_alone = false;  // the upstream reset it, and is there: the connection was not stale
};

// Who a stream is lent to.
class UpstreamUser {
 public:
  virtual Arena& response_arena() = 0;
  virtual void on_informational(http::ResponseHead& head) = 0;             // 1xx other than 101
  virtual void on_response_head(http::ResponseHead& head, bool ends) = 0;  // `ends`: on_response_end is not called
  virtual void on_response_body(std::string_view bytes) = 0;
  virtual void on_response_end(http::HeaderList* trailers) = 0;
  virtual void on_drained() = 0;                     // no longer congested()
  virtual void on_lost(const StreamLoss& loss) = 0;  // the stream is no longer the user's

 protected:
  ~UpstreamUser() = default;
};

// How long an upstream may be silent; 0: as long as it likes.
struct AnswerTimes {
  std::uint64_t head_ms;  // until the response head, from when it has the request or stops reading it
  std::uint64_t body_ms;  // between two pieces of the response body
};

// One request and its response. Valid until give_back(), discard() or on_lost.
class UpstreamStream {
 public:
  UpstreamStream(const UpstreamStream&) = delete;
  UpstreamStream& operator=(const UpstreamStream&) = delete;
  virtual void send_head(const http::RequestHead& head, AnswerTimes times) = 0;
  virtual void send_body(std::string_view bytes) = 0;
  virtual void send_end(const http::HeaderList* trailers) = 0;
  virtual void pause_response() = 0;
  virtual void resume_response() = 0;
  virtual bool congested() const noexcept = 0;  // the upstream does not read; on_drained follows
  virtual void give_back() = 0;                 // request and response have ended
  virtual void discard() = 0;                   // the user gives up, whatever state they are in

 protected:
  UpstreamStream() = default;
  ~UpstreamStream() = default;
};

class UpstreamConnection : public net::Deferred {
 public:
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;

  // --- For its users ---
  virtual UpstreamStream& lend(UpstreamUser& user) = 0;                               // with room() alone
  std::uint64_t requests() const noexcept { return requests_; }                       // sent so far
  std::uint64_t take_connect_ns() noexcept { return std::exchange(connect_ns_, 0); }  // 0 from the second use on

  // --- For the pool ---
  // How many more streams it can lend now. The pool hears of changes through UpstreamPool::on_room.
  std::uint32_t room() const noexcept { return room_; }
  bool idle() const noexcept { return lent_ == 0; }
  bool leaving() const noexcept { return leaving_; }  // has no room, and is not expected to get any
  virtual void set_idle(std::uint64_t idle_timeout_ms) = 0;
  virtual void close() = 0;   // one that is idle()
  std::size_t index = 0;      // in the pool's list of all
  bool listed = false;        // in the pool's list of those with room
  bool counted_idle = false;  // in the pool's number of those
  bool counted_unsettled = false;
  bool counted_leaving = false;

 protected:
  UpstreamConnection(std::uint32_t room, std::uint64_t connect_ns) noexcept : connect_ns_(connect_ns), room_(room) {}

  std::uint64_t requests_ = 0;
  std::uint64_t connect_ns_;
  std::uint32_t room_;
  std::uint32_t lent_ = 0;
  bool leaving_ = false;
};

// In the protocol of pool.config(); `stream` is connected.
std::unique_ptr<UpstreamConnection> make_upstream_connection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream,
                                                             std::uint64_t connect_ns);

// What ended a connection, as the fault of its upstream.
Error as_upstream_error(const Error& error);

}  // namespace postern::proxy
