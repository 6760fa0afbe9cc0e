#include "http/h2_server_codec.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/body_framing.h"
#include "http/h2_fields.h"
#include "http/h2_lines.h"
#include "http/trailers.h"

namespace postern::http {
namespace {

constexpr std::size_t kSlice = 8 * 1024;        // fed at once, so that a limit stops a flood early
constexpr std::size_t kLargePiece = 16 * 1024;  // of a body: sent without being copied, when there is room
constexpr std::int32_t kConnectionWindow = 1024 * 1024;
constexpr std::size_t kFaultBytes = 256;
constexpr std::array<std::uint8_t, 8> kDrainPing = {'p', 'o', 's', 't', 'e', 'r', 'n', 0};

struct DeleteSession {
  void operator()(nghttp2_session* session) const noexcept { nghttp2_session_del(session); }
};
struct DeleteOption {
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};
struct DeleteCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const noexcept { nghttp2_session_callbacks_del(callbacks); }
};
template <class T, class Delete>
std::unique_ptr<T, Delete> made(int (*make)(T**)) {
  T* object = nullptr;
  if (make(&object) != 0) throw std::bad_alloc();
  return std::unique_ptr<T, Delete>(object);
}

std::string_view view_of(const std::uint8_t* bytes, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}
std::string_view view_of(nghttp2_rcbuf* text) noexcept {
  auto buffer = nghttp2_rcbuf_get_buf(text);
  return view_of(buffer.base, buffer.len);
}

// Both halves of one stream.
struct Stream {
  explicit Stream(StreamId number) noexcept : id(number) {}

  std::size_t queued() const noexcept { return queue.size() - queue_taken + piece.size(); }
  // Takes `size` bytes of what is queued; they go to `out`.
  void take(std::size_t size, ByteSink& out) {
    std::size_t old = std::min(size, queue.size() - queue_taken);
    if (old > 0) out.append({queue.data() + queue_taken, old});
    queue_taken += old;
    if (size > old) out.append(piece.substr(0, size - old));
    piece.remove_prefix(size - old);
    if (queue_taken == queue.size()) {
      queue.clear();
      queue_taken = 0;
    } else if (queue_taken > queue.size() / 2 && queue_taken > kLargePiece) {
      queue.erase(0, queue_taken);
      queue_taken = 0;
    }
  }
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

class H2ServerCodecImpl final : public H2ServerCodec {
 public:
  H2ServerCodecImpl(ServerEvents& events, const H2ServerLimits& limits);

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
  friend struct Callbacks;
  nghttp2_session* session() const noexcept { return session_.get(); }
  Stream* find(StreamId stream) const noexcept {
    auto at = streams_.find(stream);
    return at != streams_.end() ? at->second.get() : nullptr;
  }
  static std::int32_t number(StreamId stream) noexcept { return static_cast<std::int32_t>(stream); }
  static std::int32_t number(const Stream& s) noexcept { return number(s.id); }

  void submit_settings();
  Result<std::size_t> ended_by(int code);
  Result<std::size_t> end_with(H2Limit limit);
  void release_held();
  void tell_body(Stream& s, std::string_view bytes);
  void tell_end(Stream& s);
  void break_off(Stream& s, std::uint32_t code, std::string_view why);
  void count(H2Limit kind);
  ssize_t read_body(Stream& s, std::size_t length, std::uint32_t& flags);
  void submit_trailers(Stream& s);

  // From nghttp2. What they return is nghttp2's: 0, or an error that ends a stream or the session.
  int on_begin_frame(const nghttp2_frame_hd& frame);
  int on_begin_headers(const nghttp2_frame& frame);
  int on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  int on_frame(const nghttp2_frame& frame);
  int on_invalid_frame(const nghttp2_frame& frame, int code);
  int on_data(StreamId stream, std::string_view bytes);
  int on_frame_sent(const nghttp2_frame& frame);
  int on_stream_close(StreamId stream, std::uint32_t code);
  void on_head(Stream& s, bool ends);
  void on_trailers(Stream& s);
  void on_end(Stream& s);

  ServerEvents& events_;
  H2ServerLimits limits_;
  H2FloodGuard flood_;
  std::unique_ptr<nghttp2_session, DeleteSession> session_;
  std::unordered_map<StreamId, std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Stream>> spare_;
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

// nghttp2's C callbacks: a cast and one call each.
struct Callbacks {
  using Codec = H2ServerCodecImpl;
  static Codec& of(void* user) noexcept { return *static_cast<Codec*>(user); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    return of(user).on_begin_frame(*frame);
  }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return of(user).on_begin_headers(*frame);
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name, nghttp2_rcbuf* value,
                    std::uint8_t, void* user) {
    return of(user).on_header(*frame, view_of(name), view_of(value));
  }
  static int frame_recv(nghttp2_session*, const nghttp2_frame* frame, void* user) { return of(user).on_frame(*frame); }
  static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int code, void* user) {
    return of(user).on_invalid_frame(*frame, code);
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    return of(user).on_data(static_cast<StreamId>(stream), view_of(bytes, size));
  }
  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return of(user).on_frame_sent(*frame);
  }
  static int stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    return of(user).on_stream_close(static_cast<StreamId>(stream), code);
  }
  static int error(nghttp2_session*, int, const char* text, std::size_t size, void* user) {
    of(user).detail_.assign(text, std::min(size, kFaultBytes));
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t length, std::uint32_t* flags,
                           nghttp2_data_source* source, void* user) {
    return of(user).read_body(*static_cast<Stream*>(source->ptr), length, *flags);
  }
  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t length,
                       nghttp2_data_source* source, void* user) {
    constexpr std::size_t kFrameHead = 9;
    ByteSink& out = *of(user).out_;
    out.append(view_of(head, kFrameHead));
    if (length > 0) static_cast<Stream*>(source->ptr)->take(length, out);
    return 0;
  }

  static const nghttp2_session_callbacks* table() {
    static const auto callbacks = [] {
      auto c = made<nghttp2_session_callbacks, DeleteCallbacks>(nghttp2_session_callbacks_new);
      nghttp2_session_callbacks_set_on_begin_frame_callback(c.get(), begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(c.get(), begin_headers);
      nghttp2_session_callbacks_set_on_header_callback2(c.get(), header);
      nghttp2_session_callbacks_set_on_invalid_header_callback2(c.get(), header);  // for H2FieldReader to refuse
      nghttp2_session_callbacks_set_on_frame_recv_callback(c.get(), frame_recv);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c.get(), invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c.get(), data);
      nghttp2_session_callbacks_set_on_frame_send_callback(c.get(), frame_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(c.get(), stream_close);
      nghttp2_session_callbacks_set_error_callback2(c.get(), error);
      nghttp2_session_callbacks_set_send_data_callback(c.get(), send_data);
      return c;
    }();
    return callbacks.get();
  }
};

H2ServerCodecImpl::H2ServerCodecImpl(ServerEvents& events, const H2ServerLimits& limits)
    : events_(events), limits_(limits), flood_(limits.control_frames, limits.resets) {
  auto option = made<nghttp2_option, DeleteOption>(nghttp2_option_new);
  nghttp2_option_set_no_auto_window_update(option.get(), 1);
  // H2FloodGuard counts resets, by what the client does besides.
  nghttp2_option_set_stream_reset_rate_limit(option.get(), 1'000'000'000, 1'000'000);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, Callbacks::table(), this, option.get()) != 0) throw std::bad_alloc();
  session_.reset(session);
  submit_settings();
}

void H2ServerCodecImpl::submit_settings() {
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.head.head_bytes},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  };
  nghttp2_submit_settings(session(), NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session(), NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

// ---- Reading ---------------------------------------------------------------------------------------------------------

Result<std::size_t> H2ServerCodecImpl::feed(std::string_view bytes) {
  feeding_ = true;
  release_held();
  std::size_t taken = 0;
  ssize_t step = 0;
  while (taken < bytes.size() && limit_ == H2Limit::none && step >= 0) {
    auto slice = bytes.substr(taken, kSlice);
    step = nghttp2_session_mem_recv(session(), reinterpret_cast<const std::uint8_t*>(slice.data()), slice.size());
    if (step > 0) taken += static_cast<std::size_t>(step);
  }
  feeding_ = false;
  if (limit_ != H2Limit::none) return end_with(limit_);
  if (step < 0) return ended_by(static_cast<int>(step));
  return taken;
}

// nghttp2 gave up without a GOAWAY.
Result<std::size_t> H2ServerCodecImpl::ended_by(int code) {
  if (code == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) return end_with(H2Limit::continuation);
  if (code == NGHTTP2_ERR_FLOODED) return end_with(H2Limit::answers);
  fault_ = nghttp2_strerror(code);
  auto goaway = code == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_INTERNAL_ERROR;
  nghttp2_session_terminate_session(session(), goaway);
  return fail(Error::client(ErrorCode::bad_request, fault_));
}

Result<std::size_t> H2ServerCodecImpl::end_with(H2Limit limit) {
  limit_ = limit;
  fault_ = "more than the limit allows: " + std::string(name_of(limit));
  nghttp2_session_terminate_session(session(), NGHTTP2_ENHANCE_YOUR_CALM);
  return fail(Error::client(ErrorCode::rate_limited, fault_));
}

Result<void> H2ServerCodecImpl::feed_eof() {
  if (!busy()) return {};
  return fail(Error::client(ErrorCode::bad_request, "the client closed with streams open"));
}

void H2ServerCodecImpl::count(H2Limit kind) {
  if (limit_ == H2Limit::none) limit_ = flood_.count(kind);
}

int H2ServerCodecImpl::on_begin_frame(const nghttp2_frame_hd& frame) {
  data_came_ = false;
  bool ack = (frame.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame.type) {
    case NGHTTP2_SETTINGS:
      if (!ack) count(H2Limit::settings);
      break;
    case NGHTTP2_PING:
      count(H2Limit::pings);
      break;
    case NGHTTP2_PRIORITY:
      count(H2Limit::priority);
      break;
    case NGHTTP2_WINDOW_UPDATE:
      count(H2Limit::window_update);
      break;
    case NGHTTP2_RST_STREAM:
      if (find(static_cast<StreamId>(frame.stream_id)) == nullptr) count(H2Limit::stray_resets);
      break;
    default:
      break;
  }
  return 0;
}

int H2ServerCodecImpl::on_begin_headers(const nghttp2_frame& frame) {
  auto id = static_cast<StreamId>(frame.hd.stream_id);
  fields_of_ = id;
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
    Stream* s = find(id);
    if (s != nullptr && s->arena != nullptr)
      fields_.emplace(H2FieldReader::Section::request_trailers, limits_.head, *s->arena);
    return 0;
  }
  flood_.stream_opened();
  auto& s = streams_[id];
  s = std::make_unique<Stream>(id);
  s->arena = &events_.on_request_begin(id);
  fields_.emplace(H2FieldReader::Section::request, limits_.head, *s->arena);
  return 0;
}

int H2ServerCodecImpl::on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  if (!fields_ || fields_of_ != static_cast<StreamId>(frame.hd.stream_id)) return 0;
  if (fields_->add(name, value)) return 0;
  fields_.reset();
  Stream* s = find(fields_of_);
  if (s != nullptr) break_off(*s, NGHTTP2_ENHANCE_YOUR_CALM, "the head is many times too large");
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // the rest of the section is decoded and dropped
}

int H2ServerCodecImpl::on_frame(const nghttp2_frame& frame) {
  auto id = static_cast<StreamId>(frame.hd.stream_id);
  bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_PING && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    if (draining_ && std::memcmp(frame.ping.opaque_data, kDrainPing.data(), kDrainPing.size()) == 0) end_goaway();
    return 0;
  }
  Stream* s = id != 0 ? find(id) : nullptr;
  if (frame.hd.type == NGHTTP2_DATA) {
    if (data_came_)
      flood_.data_frame();
    else if (!ends)
      count(H2Limit::empty_data);
  }
  if (frame.hd.type == NGHTTP2_RST_STREAM && s != nullptr) s->broken_by_client = true;
  if (s == nullptr) return 0;
  if (frame.hd.type == NGHTTP2_HEADERS) {
    if (frame.headers.cat == NGHTTP2_HCAT_REQUEST)
      on_head(*s, ends);
    else
      on_trailers(*s);
    s = find(id);
  }
  if (ends && s != nullptr && (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS)) on_end(*s);
  return 0;
}

void H2ServerCodecImpl::on_head(Stream& s, bool ends) {
  if (!fields_ || s.arena == nullptr) return;
  auto head = fields_->finish_request(ends);
  fields_.reset();
  if (!head && head.error().malformed) return break_off(s, NGHTTP2_PROTOCOL_ERROR, head.error().error.text);
  s.told = true;
  if (!head) {
    s.end_told = true;
    return events_.on_request_refused(s.id, head.error().error);
  }
  s.is_head = (*head)->method == "HEAD";
  s.tunnel = (*head)->extended_connect;
  s.paused = s.tunnel;  // what comes is for after the handshake
  bool no_body = is_empty((*head)->body);
  s.end_told = no_body && !s.tunnel;
  events_.on_request_head(s.id, **head, no_body);
}

void H2ServerCodecImpl::on_trailers(Stream& s) {
  if (!fields_ || s.arena == nullptr) return;
  auto trailers = fields_->finish_trailers();
  fields_.reset();
  if (trailers) {
    s.trailers = *trailers;
  } else if (trailers.error().malformed) {
    break_off(s, NGHTTP2_PROTOCOL_ERROR, trailers.error().error.text);
  } else {
    break_off(s, NGHTTP2_ENHANCE_YOUR_CALM, trailers.error().error.text);
  }
}

// nghttp2 has found fault with a frame and answers it with RST_STREAM or GOAWAY.
int H2ServerCodecImpl::on_invalid_frame(const nghttp2_frame& frame, int code) {
  if (fields_of_ == static_cast<StreamId>(frame.hd.stream_id)) fields_.reset();
  if (detail_.empty()) detail_ = nghttp2_strerror(code);
  if (Stream* s = find(static_cast<StreamId>(frame.hd.stream_id)); s != nullptr && s->fault.empty()) s->fault = detail_;
  return 0;
}

int H2ServerCodecImpl::on_data(StreamId stream, std::string_view bytes) {
  data_came_ = true;
  // A stream whose body nobody takes must not hold up the others, so only its own window closes.
  nghttp2_session_consume_connection(session(), bytes.size());
  Stream* s = find(stream);
  if (s == nullptr || s->arena == nullptr || s->end_told) return 0;
  if (s->paused || !s->held.empty()) {
    s->held.append(bytes);
  } else {
    tell_body(*s, bytes);
  }
  return 0;
}

void H2ServerCodecImpl::tell_body(Stream& s, std::string_view bytes) {
  nghttp2_session_consume_stream(session(), number(s), bytes.size());
  events_.on_request_body(s.id, bytes);
}

void H2ServerCodecImpl::on_end(Stream& s) {
  s.ended = true;
  if (!s.paused && s.held.empty()) tell_end(s);
}

void H2ServerCodecImpl::tell_end(Stream& s) {
  if (s.arena == nullptr || s.end_told || !s.told) return;
  s.end_told = true;
  events_.on_request_end(s.id, s.trailers);
}

void H2ServerCodecImpl::pause_body(StreamId stream) {
  if (Stream* s = find(stream)) s->paused = true;
}

void H2ServerCodecImpl::resume_body(StreamId stream) {
  Stream* s = find(stream);
  if (s == nullptr || !std::exchange(s->paused, false)) return;
  if (!s->held.empty() || s->ended) resumed_.push_back(stream);
}

// What came while nobody took it. Its reader may pause again at any piece.
void H2ServerCodecImpl::release_held() {
  for (StreamId id : std::exchange(resumed_, {})) {
    Stream* s = find(id);
    if (s == nullptr || s->paused) continue;
    std::string held = std::exchange(s->held, {});
    if (!held.empty() && s->arena != nullptr) tell_body(*s, held);
    if (s->ended && !s->paused) tell_end(*s);
  }
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

void H2ServerCodecImpl::write_informational(StreamId stream, const ResponseHead& head, ByteSink&) {
  Stream* s = find(stream);
  if (s == nullptr || s->answered) return;
  lines_.set_response(head, std::nullopt);
  nghttp2_submit_headers(session(), NGHTTP2_FLAG_NONE, number(*s), nullptr, lines_.data(), lines_.size(), nullptr);
}

void H2ServerCodecImpl::write_head(StreamId stream, const ResponseHead& head, bool, ByteSink&) {
  Stream* s = find(stream);
  if (s == nullptr || s->answered) return;
  s->answered = true;
  bool tunnel = s->tunnel && head.status == 101;
  bool empty = s->is_head || !status_has_body(head.status) || is_empty(head.body);
  s->has_body = tunnel || !empty;
  s->complete = !s->has_body;
  s->has_length = s->has_body && head.body.kind == BodyKind::length;
  s->left = s->has_length ? head.body.length : 0;
  // To HEAD and in a 304 only a length that is known is told, in a 204 none (RFC 9110 section 8.6).
  bool tells_length = head.body.kind == BodyKind::length && !tunnel && head.status != 204 && head.status >= 200;
  bool tells_none = head.body.kind == BodyKind::none && status_has_body(head.status) && !s->is_head;
  std::optional<std::uint64_t> length;
  if (tells_length) length = head.body.length;
  if (tells_none) length = 0;
  if (tunnel) {
    ResponseHead accepted = head;  // RFC 8441 section 5: 101 is HTTP/1's word for it
    accepted.status = 200;
    lines_.set_response(accepted, std::nullopt);
  } else {
    lines_.set_response(head, length);
  }
  nghttp2_data_provider body{};
  body.source.ptr = s;
  body.read_callback = Callbacks::read_body;
  nghttp2_submit_response(session(), number(*s), lines_.data(), lines_.size(), s->has_body ? &body : nullptr);
}

void H2ServerCodecImpl::write_body(StreamId stream, std::string_view bytes, ByteSink& out) {
  Stream* s = find(stream);
  if (s == nullptr || !s->has_body || s->complete || bytes.empty()) return;
  if (s->has_length) {
    if (bytes.size() > s->left) {  // never more than was announced
      s->wrong_length = true;
      bytes = bytes.substr(0, static_cast<std::size_t>(s->left));
    }
    s->left -= bytes.size();
  }
  bool at_once = bytes.size() >= kLargePiece && !feeding_ && !flushing_;
  nghttp2_session_resume_data(session(), number(*s));
  if (!at_once) {
    s->queue.append(bytes);
  } else {
    s->piece = bytes;
    flush(out);
    s = find(stream);  // its client may have broken it off
    if (s == nullptr) return;
    s->keep_piece();
  }
  s->was_full = s->was_full || s->queued() > kStreamQueue;
}

void H2ServerCodecImpl::write_end(StreamId stream, const HeaderList* trailers, ByteSink&) {
  Stream* s = find(stream);
  if (s == nullptr || !s->has_body || s->complete) return;
  s->complete = true;
  s->wrong_length = s->wrong_length || s->left > 0;
  if (trailers != nullptr) {
    for (const Field& field : *trailers)
      if (may_be_trailer(field.name)) s->last_fields.emplace_back(field.name, field.value);
  }
  nghttp2_session_resume_data(session(), number(*s));
}

ssize_t H2ServerCodecImpl::read_body(Stream& s, std::size_t length, std::uint32_t& flags) {
  std::size_t ready = s.queued();
  if (ready == 0 && !s.complete) return NGHTTP2_ERR_DEFERRED;
  if (out_->full()) return NGHTTP2_ERR_PAUSE;
  std::size_t taken = std::min(ready, length);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (taken == ready && s.complete) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!s.last_fields.empty()) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      submit_trailers(s);
    }
  }
  if (s.was_full && ready - taken <= kStreamQueue / 4) {
    s.was_full = false;
    writable_.push_back(s.id);
  }
  if (taken > 0) flood_.data_frame();
  return static_cast<ssize_t>(taken);
}

void H2ServerCodecImpl::submit_trailers(Stream& s) {
  std::vector<nghttp2_nv> lines;
  for (auto& [name, value] : s.last_fields)
    lines.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                     name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_submit_trailer(session(), number(s), lines.data(), lines.size());
}

void H2ServerCodecImpl::flush(ByteSink& out) {
  if (feeding_ || flushing_ || broken_) return;
  flushing_ = true;
  out_ = &out;
  while (!out.full()) {
    const std::uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(session(), &bytes);
    if (size < 0) broken_ = true;
    if (size <= 0) break;
    out.append(view_of(bytes, static_cast<std::size_t>(size)));
  }
  out_ = nullptr;
  flushing_ = false;
  for (StreamId id : std::exchange(writable_, {}))
    if (find(id) != nullptr) events_.on_stream_writable(id);
}

std::size_t H2ServerCodecImpl::queued(StreamId stream) const noexcept {
  const Stream* s = find(stream);
  return s != nullptr ? s->queued() : 0;
}

int H2ServerCodecImpl::on_frame_sent(const nghttp2_frame& frame) {
  bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_GOAWAY && frame.goaway.error_code != NGHTTP2_NO_ERROR && fault_.empty()) {
    fault_ = nghttp2_http2_strerror(frame.goaway.error_code);
    if (!detail_.empty()) fault_.append(": ").append(detail_);
  }
  if (!ends) return 0;
  // The answer is complete and the rest of the request not wanted (RFC 9113 section 8.1).
  Stream* s = find(static_cast<StreamId>(frame.hd.stream_id));
  if (s != nullptr && s->over && !s->ended)
    nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), NGHTTP2_NO_ERROR);
  return 0;
}

// ---- The end of streams ----------------------------------------------------------------------------------------------

bool H2ServerCodecImpl::finish_stream(StreamId stream) {
  Stream* s = find(stream);
  if (s == nullptr) return true;
  s->over = true;
  s->arena = nullptr;
  s->trailers = nullptr;
  s->held.clear();
  if (fields_of_ == stream) fields_.reset();
  bool whole = s->answered && s->complete && !s->wrong_length;
  if (!whole) {
    nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), NGHTTP2_INTERNAL_ERROR);
    return true;
  }
  bool sent = nghttp2_session_get_stream_local_close(session(), number(*s)) == 1;
  if (sent && !s->ended) nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), NGHTTP2_NO_ERROR);
  return true;
}

void H2ServerCodecImpl::reset_stream(StreamId stream, Break why) {
  Stream* s = find(stream);
  if (s == nullptr) return;
  s->over = true;
  s->arena = nullptr;
  if (fields_of_ == stream) fields_.reset();
  auto code = why == Break::stalled ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR;
  nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), code);
}

// The client has broken the rules of this stream.
void H2ServerCodecImpl::break_off(Stream& s, std::uint32_t code, std::string_view why) {
  s.fault.assign(why.substr(0, kFaultBytes));
  nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(s), code);
}

int H2ServerCodecImpl::on_stream_close(StreamId stream, std::uint32_t code) {
  auto at = streams_.find(stream);
  if (at == streams_.end()) return 0;
  auto s = std::move(at->second);
  streams_.erase(at);
  if (fields_of_ == stream) fields_.reset();
  bool whole = s->over || (code == NGHTTP2_NO_ERROR && s->complete);
  if (!whole) count(H2Limit::resets);
  if (whole) {
    events_.on_stream_closed(stream, nullptr);
  } else {
    if (s->fault.empty() && !s->broken_by_client) s->fault = nghttp2_http2_strerror(code);
    auto error = Error::client(ErrorCode::bad_request, s->broken_by_client ? std::string() : std::move(s->fault));
    events_.on_stream_closed(stream, &error);
  }
  return 0;
}

bool H2ServerCodecImpl::over() const noexcept {
  return broken_ || (nghttp2_session_want_read(session()) == 0 && nghttp2_session_want_write(session()) == 0);
}

void H2ServerCodecImpl::begin_goaway() {
  if (std::exchange(draining_, true)) return;
  nghttp2_submit_shutdown_notice(session());
  nghttp2_submit_ping(session(), NGHTTP2_FLAG_NONE, kDrainPing.data());
}

void H2ServerCodecImpl::end_goaway() {
  if (std::exchange(last_told_, true)) return;
  nghttp2_submit_goaway(session(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session()),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

}  // namespace

std::unique_ptr<H2ServerCodec> make_h2_server_codec(ServerEvents& events, const H2ServerLimits& limits) {
  return std::make_unique<H2ServerCodecImpl>(events, limits);
}

}  // namespace postern::http
