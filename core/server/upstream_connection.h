// One connection to an upstream: the codec on it, the deadline of what it waits for, and whoever uses it right now.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline_wheel.h"
#include "http/codec.h"
#include "net/loop.h"
#include "net/stream.h"

namespace postern::server {

class Forwarder;
class UpstreamPool;

class UpstreamConnection final : public net::Deferred, private net::StreamOwner, private http::ClientEvents {
 public:
  UpstreamConnection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream, std::uint64_t connect_ns);
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;
  ~UpstreamConnection() override;

  // --- For the Forwarder that uses it ---
  void lend(Forwarder& user) noexcept;
  http::StreamId send_head(const http::RequestHead& head, std::uint64_t response_timeout_ms);
  void send_body(http::StreamId stream, std::string_view bytes);
  void send_end(http::StreamId stream, const http::HeaderList* trailers);
  void pause_response(http::StreamId stream);
  void resume_response(http::StreamId stream);
  bool congested() const noexcept { return stream_->above_high_watermark(); }
  // The user is finished. Back to the pool when the response has ended and the connection can carry another request.
  void give_back(http::StreamId stream);
  void discard();  // the user gives up: the connection is closed
  std::uint64_t take_connect_ns() noexcept { return std::exchange(connect_ns_, 0); }  // 0 from the second use on
  std::uint64_t requests() const noexcept { return requests_; }

  // --- For the pool ---
  void set_idle(std::uint64_t idle_timeout_ms);
  std::size_t index = 0;  // in the pool's list

 private:
  enum class Wait : std::uint8_t { idle, response, body, nothing };
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_stream_error(const Error& error) override;
  void on_drained() override;
  Arena& on_response_begin(http::StreamId stream) override;
  void on_informational(http::StreamId stream, http::ResponseHead& head) override;
  void on_response_head(http::StreamId stream, http::ResponseHead& head, bool ends) override;
  void on_response_body(http::StreamId stream, std::string_view bytes) override;
  void on_response_end(http::StreamId stream, http::HeaderList* trailers) override;
  void on_stream_reset(http::StreamId stream, Error error) override;
  void feed(std::string_view bytes);
  void pump();
  void lost(const Error& error, std::uint32_t outcome);
  void wait_for(Wait what);
  void await_answer();
  static void on_deadline(void* self);

  UpstreamPool& pool_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<http::ClientCodec> codec_;
  Forwarder* user_ = nullptr;
  Deadline deadline_;
  Wait wait_ = Wait::nothing;
  std::uint64_t response_timeout_ms_ = 0;
  std::uint64_t connect_ns_;
  std::uint64_t requests_ = 0;
  std::string held_;  // bytes that arrived while the response is paused
  bool request_ended_ = false;
  bool answer_due_ = false;  // lent, and no response head yet: the end of the stream is a failure
  bool paused_ = false;
  bool feeding_ = false;
  bool dead_ = false;
};

}  // namespace postern::server
