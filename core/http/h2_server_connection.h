// One HTTP/2 connection with a client, and its streams: what h2_server_codec.cc (reading) and h2_server_writer.cc (writing, and
// the end of streams) share. For the .cc files of this folder alone: nobody else sees nghttp2.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/h2_fields.h"
#include "http/h2_lines.h"
#include "http/h2_server_codec.h"

namespace postern::http {

inline std::string_view view_of(const std::uint8_t* bytes, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}

struct DeleteH2Session {
  void operator()(nghttp2_session* session) const noexcept { nghttp2_session_del(session); }
};

// Both halves of one stream.
struct H2ServerStream {
  explicit H2ServerStream(StreamId number) noexcept : id(number) {}

  std::size_t queued() const noexcept { return queue.size() - queue_taken + piece.size(); }
  // Takes `size` bytes of what is queued; they go to `out`.
  void take(std::size_t size, ByteSink& out);
  void keep_piece() { queue.append(std::exchange(piece, {})); }

  StreamId id;
  // --- The request ---
  Arena* arena = nullptr;  // null once nobody wants events of this stream any more
  HeaderList* trailers = nullptr;
  std::string held;   // DATA that came while the body was paused; no more than the stream's window
  bool told = false;  // on_request_head has been called
  bool paused = false;
  bool ended = false;     // END_STREAM has come
  bool end_told = false;  // on_request_end has been called, or there was no body
  bool is_head = false;
  bool tunnel = false;  // an extended CONNECT
  bool broken_by_client = false;
  std::string fault;  // what was wrong with it
  // --- The response ---
  std::string queue;  // DATA not yet sent, from queue_taken on; then `piece`
  std::size_t queue_taken = 0;
  std::string_view piece;  // of the caller, while flush() runs
  std::uint64_t left = 0;  // bytes that the announced length still allows
  bool has_length = false;
  bool answered = false;  // the head is written
  bool has_body = false;  // DATA follows it
  bool complete = false;  // write_end has been called, or there is no body
  bool wrong_length = false;
  bool over = false;  // finish_stream has been called
  bool was_full = false;
  std::vector<std::pair<std::string, std::string>> last_fields;  // trailers, until DATA has gone out
};

class H2ServerConnection final : public H2ServerCodec {
 public:
  H2ServerConnection(ServerEvents& events, const H2ServerLimits& limits);

  void set_now(std::uint64_t now_ns) override { flood_.set_now(now_ns); }
  Result<std::size_t> feed(std::string_view bytes) override;
  Result<void> feed_eof() override;
  void pause_body(StreamId stream) override;
  void resume_body(StreamId stream) override;
  void write_informational(StreamId stream, const ResponseHead& head, ByteSink& out) override;
  void write_head(StreamId stream, const ResponseHead& head, bool close, ByteSink& out) override;
  void write_body(StreamId stream, std::string_view bytes, ByteSink& out) override;
  void write_end(StreamId stream, const HeaderList* trailers, ByteSink& out) override;
  bool finish_stream(StreamId stream) override;
  bool busy() const override { return !streams_.empty(); }
  void flush(ByteSink& out) override;
  std::size_t queued(StreamId stream) const noexcept override;
  H2Limit limit() const noexcept override { return limit_; }
  bool over() const noexcept override;
  std::string_view fault() const noexcept override { return fault_; }
  bool head_is_incomplete() const noexcept override { return fields_.has_value(); }
  void reset_stream(StreamId stream, Break why) override;
  void begin_goaway() override;
  void end_goaway() override;

 private:
  static constexpr std::size_t kFaultBytes = 256;
  static constexpr std::array<std::uint8_t, 8> kDrainPing = {'p', 'o', 's', 't', 'e', 'r', 'n', 0};

  friend struct H2ServerCallbacks;
  nghttp2_session* session() const noexcept { return session_.get(); }
  H2ServerStream* find(StreamId stream) const noexcept {
    auto at = streams_.find(stream);
    return at != streams_.end() ? at->second.get() : nullptr;
  }
  static std::int32_t number(StreamId stream) noexcept { return static_cast<std::int32_t>(stream); }
  static std::int32_t number(const H2ServerStream& s) noexcept { return number(s.id); }

  void submit_settings();
  Result<std::size_t> ended_by(int code);
  Result<std::size_t> end_with(H2Limit limit);
  void release_held();
  void tell_body(H2ServerStream& s, std::string_view bytes);
  void tell_end(H2ServerStream& s);
  void break_off(H2ServerStream& s, std::uint32_t code, std::string_view why);
  void count(H2Limit kind);
  ssize_t read_body(H2ServerStream& s, std::size_t length, std::uint32_t& flags);
  static nghttp2_data_provider body_of(H2ServerStream& s);  // which read_body gives
  void submit_trailers(H2ServerStream& s);

  // From nghttp2. What they return is nghttp2's: 0, or an error that ends a stream or the session.
  int on_begin_frame(const nghttp2_frame_hd& frame);
  int on_begin_headers(const nghttp2_frame& frame);
  int refuse_fields(H2ServerStream& s);
  int on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  int on_frame(const nghttp2_frame& frame);
  int on_invalid_frame(const nghttp2_frame& frame, int code);
  int on_data(StreamId stream, std::string_view bytes);
  int on_frame_sent(const nghttp2_frame& frame);
  int on_frame_not_sent(const nghttp2_frame& frame);
  int on_stream_close(StreamId stream, std::uint32_t code);
  void on_head(H2ServerStream& s, bool ends);
  void on_trailers(H2ServerStream& s);
  void on_end(H2ServerStream& s);

  ServerEvents& events_;
  H2ServerLimits limits_;
  H2FloodGuard flood_;
  std::unique_ptr<nghttp2_session, DeleteH2Session> session_;
  std::unordered_map<StreamId, std::unique_ptr<H2ServerStream>> streams_;
  std::optional<H2FieldReader> fields_;  // of the one head or trailer section that is being read
  StreamId fields_of_ = 0;
  std::vector<StreamId> resumed_;   // with held DATA to tell
  std::vector<StreamId> writable_;  // to tell after flush()
  H2Lines lines_;
  ByteSink* out_ = nullptr;  // while flush() runs
  H2Limit limit_ = H2Limit::none;
  std::string fault_;
  std::string detail_;  // nghttp2's words for what was wrong last
  bool feeding_ = false;
  bool flushing_ = false;
  bool data_came_ = false;  // in the running DATA frame
  bool broken_ = false;     // no GOAWAY can be sent either
  bool draining_ = false;   // begin_goaway
  bool last_told_ = false;  // end_goaway
};

}  // namespace postern::http
