// HTTP/2 to an upstream: many requests at a time on one connection, each with its own user and deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/deadline_wheel.h"
#include "http/codec.h"
#include "net/stream.h"
#include "upstream/upstream_connection.h"

namespace postern::proxy {

class H2UpstreamConnection final : public UpstreamConnection, private net::StreamOwner, private http::ClientEvents {
 public:
  H2UpstreamConnection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream, std::uint64_t connect_ns);
  ~H2UpstreamConnection() override;

  UpstreamStream& lend(UpstreamUser& user) override;
  void set_idle(std::uint64_t idle_timeout_ms) override;
  void close() override;

 private:
  class Use;
  // net::StreamOwner
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_stream_error(const Error& error) override;
  void on_drained() override;
  // http::ClientEvents
  Arena& on_response_begin(http::StreamId stream) override;
  void on_informational(http::StreamId stream, http::ResponseHead& head) override;
  void on_response_head(http::StreamId stream, http::ResponseHead& head, bool ends) override;
  void on_response_body(http::StreamId stream, std::string_view bytes) override;
  void on_response_end(http::StreamId stream, http::HeaderList* trailers) override;
  void on_stream_reset(http::StreamId stream, http::StreamReset cause, const Error& error) override;
  void on_stream_writable(http::StreamId stream) override;
  void on_stream_limit(std::uint32_t most) override;

  Use* find(http::StreamId stream) const noexcept;
  void put(Use& use);  // its stream has begun
  void finish(Use& use);
  void update_room() noexcept;
  bool spent() const noexcept;
  void room_may_have_changed();
  void lost(const Error& error, std::uint32_t outcome, bool silent = false);
  static void on_deadline(void* self);
  void watch_life();
  void doubt_since(std::uint64_t ms);
  void check_life();
  static void on_life_deadline(void* self);
  void tell_soon();
  void feed(std::string_view bytes);

  UpstreamPool& pool_;
  std::unique_ptr<net::Stream> stream_;
  std::vector<std::unique_ptr<Use>> uses_;  // all that were ever needed at the same time
  std::vector<Use*> spare_;
  std::vector<Use*> begun_;             // by stream: they only count up
  Deadline deadline_;                   // for the first SETTINGS, then while idle
  Deadline life_deadline_;              // while requests are open: for a PING, then for its answer
  std::uint64_t heard_ms_ = 0;          // when bytes came last, or requests began to be open
  std::uint64_t pinged_ms_ = 0;         // later than heard_ms_: the answer is awaited
  std::optional<std::uint32_t> limit_;  // what the upstream takes; empty: not known yet
  bool doubted_ = false;                // a request got no answer, and no other byte has come since it began
  bool dead_ = false;
  std::unique_ptr<http::ClientCodec> codec_;  // writes to stream_
};

}  // namespace postern::proxy
