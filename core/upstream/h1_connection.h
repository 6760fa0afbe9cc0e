// HTTP/1 to an upstream: one request at a time, so that the connection is its own only stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/codec.h"
#include "net/stream.h"
#include "upstream/answer_watch.h"
#include "upstream/upstream_connection.h"

namespace postern::proxy {

class H1UpstreamConnection final : public UpstreamConnection,
                                   private UpstreamStream,
                                   private net::StreamOwner,
                                   private http::ClientEvents {
 public:
  H1UpstreamConnection(UpstreamPool& pool, std::unique_ptr<net::Stream> stream, std::uint64_t connect_ns);
  ~H1UpstreamConnection() override;

  UpstreamStream& lend(UpstreamUser& user) override;
  void set_idle(std::uint64_t idle_timeout_ms) override { watch_.wait_idle(idle_timeout_ms); }
  void close() override { discard(); }

 private:
  // UpstreamStream
  void send_head(const http::RequestHead& head, AnswerTimes times) override;
  void send_body(std::string_view bytes) override;
  void send_end(const http::HeaderList* trailers) override;
  void pause_response() override;
  void resume_response() override;
  bool congested() const noexcept override { return stream_->above_high_watermark(); }
  void give_back() override;
  void discard() override;
  // net::StreamOwner
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_stream_error(const Error& error) override;
  void on_drained() override;
  // http::ClientEvents
  Arena& on_response_begin(http::StreamId) override { return user_->response_arena(); }
  void on_informational(http::StreamId, http::ResponseHead& head) override;
  void on_response_head(http::StreamId, http::ResponseHead& head, bool ends) override;
  void on_response_body(http::StreamId, std::string_view bytes) override;
  void on_response_end(http::StreamId, http::HeaderList* trailers) override;

  void feed(std::string_view bytes);
  void release_codec();
  void pump();
  void lost(const Error& error, std::uint32_t outcome);
  void request_moved() { watch_.on_request_moved(request_ended_ || congested()); }
  static void on_deadline(void* self);

  UpstreamPool& pool_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<http::ClientCodec> codec_;
  UpstreamUser* user_ = nullptr;
  AnswerWatch watch_;
  http::StreamId request_ = 0;
  std::string held_;  // bytes that arrived while the response is paused
  bool request_ended_ = false;
  bool paused_ = false;
  bool feeding_ = false;
  bool tunnel_ = false;  // it has changed to another protocol: who uses it watches over it
  bool dead_ = false;
};

}  // namespace postern::proxy
