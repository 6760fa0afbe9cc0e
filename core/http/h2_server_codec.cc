#include "http/h2_server_codec.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "http/h2_server_connection.h"

namespace postern::http {
namespace {

constexpr std::size_t kSlice = 8 * 1024;  // fed at once, so that a limit stops a flood early
constexpr std::int32_t kConnectionWindow = 1024 * 1024;
constexpr std::size_t kContinuationBytes = 16 * 1024;  // of one that is full: clients must not send larger ones
constexpr std::size_t kMoreContinuations = 4;  // than the largest head needs: what is a little more gets its 431

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

std::string_view text_of(nghttp2_rcbuf* text) noexcept {
  auto buffer = nghttp2_rcbuf_get_buf(text);
  return view_of(buffer.base, buffer.len);
}

}  // namespace

// nghttp2's C callbacks: a cast and one call each.
struct H2ServerCallbacks {
  using Codec = H2ServerConnection;
  static Codec& of(void* user) noexcept { return *static_cast<Codec*>(user); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    return of(user).on_begin_frame(*frame);
  }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return of(user).on_begin_headers(*frame);
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name, nghttp2_rcbuf* value,
                    std::uint8_t, void* user) {
    return of(user).on_header(*frame, text_of(name), text_of(value));
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
  static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    return of(user).on_frame_not_sent(*frame);
  }
  static int stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    return of(user).on_stream_close(static_cast<StreamId>(stream), code);
  }
  static int error(nghttp2_session*, int, const char* text, std::size_t size, void* user) {
    of(user).detail_.assign(text, std::min(size, Codec::kFaultBytes));
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t length, std::uint32_t* flags,
                           nghttp2_data_source* source, void* user) {
    return of(user).read_body(*static_cast<H2ServerStream*>(source->ptr), length, *flags);
  }
  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t length,
                       nghttp2_data_source* source, void* user) {
    constexpr std::size_t kFrameHead = 9;
    ByteSink& out = *of(user).out_;
    out.append(view_of(head, kFrameHead));
    if (length > 0) static_cast<H2ServerStream*>(source->ptr)->take(length, out);
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
      nghttp2_session_callbacks_set_on_frame_not_send_callback(c.get(), frame_not_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(c.get(), stream_close);
      nghttp2_session_callbacks_set_error_callback2(c.get(), error);
      nghttp2_session_callbacks_set_send_data_callback(c.get(), send_data);
      return c;
    }();
    return callbacks.get();
  }
};

H2ServerConnection::H2ServerConnection(ServerEvents& events, const H2ServerLimits& limits)
    : events_(events), limits_(limits), flood_(limits.control_frames, limits.resets) {
  auto option = made<nghttp2_option, DeleteOption>(nghttp2_option_new);
  nghttp2_option_set_no_auto_window_update(option.get(), 1);
  // H2FloodGuard counts resets, by what the client does besides.
  nghttp2_option_set_stream_reset_rate_limit(option.get(), 1'000'000'000, 1'000'000);
  nghttp2_option_set_max_continuations(option.get(), limits.head.head_bytes / kContinuationBytes + kMoreContinuations);
  nghttp2_option_set_max_send_header_block_length(option.get(), limits.most_head_sent);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, H2ServerCallbacks::table(), this, option.get()) != 0)
    throw std::bad_alloc();
  session_.reset(session);
  submit_settings();
}

nghttp2_data_provider H2ServerConnection::body_of(H2ServerStream& s) {
  nghttp2_data_provider body{};
  body.source.ptr = &s;
  body.read_callback = H2ServerCallbacks::read_body;
  return body;
}

void H2ServerConnection::submit_settings() {
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

Result<std::size_t> H2ServerConnection::feed(std::string_view bytes) {
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
Result<std::size_t> H2ServerConnection::ended_by(int code) {
  if (code == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) return end_with(H2Limit::continuation);
  if (code == NGHTTP2_ERR_FLOODED) return end_with(H2Limit::answers);
  fault_ = nghttp2_strerror(code);
  auto goaway = code == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_INTERNAL_ERROR;
  nghttp2_session_terminate_session(session(), goaway);
  return fail(Error::client(ErrorCode::bad_request, fault_));
}

Result<std::size_t> H2ServerConnection::end_with(H2Limit limit) {
  limit_ = limit;
  fault_ = "more than the limit allows: " + std::string(name_of(limit));
  nghttp2_session_terminate_session(session(), NGHTTP2_ENHANCE_YOUR_CALM);
  return fail(Error::client(ErrorCode::rate_limited, fault_));
}

Result<void> H2ServerConnection::feed_eof() {
  if (!busy()) return {};
  return fail(Error::client(ErrorCode::bad_request, "the client closed with streams open"));
}

void H2ServerConnection::count(H2Limit kind) {
  if (limit_ == H2Limit::none) limit_ = flood_.count(kind);
}

int H2ServerConnection::on_begin_frame(const nghttp2_frame_hd& frame) {
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

int H2ServerConnection::on_begin_headers(const nghttp2_frame& frame) {
  auto id = static_cast<StreamId>(frame.hd.stream_id);
  fields_of_ = id;
  fields_.reset();
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
    H2ServerStream* s = find(id);
    if (s == nullptr || s->arena == nullptr) return 0;
    if (s->tunnel) return refuse_fields(*s);
    fields_.emplace(H2FieldReader::Section::request_trailers, limits_.head, *s->arena);
    return 0;
  }
  flood_.stream_opened();
  auto& s = streams_[id];
  s = std::make_unique<H2ServerStream>(id);
  s->arena = &events_.on_request_begin(id);
  fields_.emplace(H2FieldReader::Section::request, limits_.head, *s->arena);
  return 0;
}

// RFC 9113 section 8.5.
int H2ServerConnection::refuse_fields(H2ServerStream& s) {
  break_off(s, NGHTTP2_PROTOCOL_ERROR, "fields on a tunnel");
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int H2ServerConnection::on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  if (!fields_ || fields_of_ != static_cast<StreamId>(frame.hd.stream_id)) return 0;
  if (fields_->add(name, value)) return 0;
  fields_.reset();
  H2ServerStream* s = find(fields_of_);
  if (s != nullptr) break_off(*s, NGHTTP2_ENHANCE_YOUR_CALM, "the head is many times too large");
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // the rest of the section is decoded and dropped
}

int H2ServerConnection::on_frame(const nghttp2_frame& frame) {
  auto id = static_cast<StreamId>(frame.hd.stream_id);
  bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_PING && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    if (draining_ && std::memcmp(frame.ping.opaque_data, kDrainPing.data(), kDrainPing.size()) == 0) end_goaway();
    return 0;
  }
  H2ServerStream* s = id != 0 ? find(id) : nullptr;
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

void H2ServerConnection::on_head(H2ServerStream& s, bool ends) {
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

void H2ServerConnection::on_trailers(H2ServerStream& s) {
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
int H2ServerConnection::on_invalid_frame(const nghttp2_frame& frame, int code) {
  if (fields_of_ == static_cast<StreamId>(frame.hd.stream_id)) fields_.reset();
  if (detail_.empty()) detail_ = nghttp2_strerror(code);
  if (H2ServerStream* s = find(static_cast<StreamId>(frame.hd.stream_id)); s != nullptr && s->fault.empty())
    s->fault = detail_;
  return 0;
}

int H2ServerConnection::on_data(StreamId stream, std::string_view bytes) {
  data_came_ = true;
  // A stream whose body nobody takes must not hold up the others, so only its own window closes.
  nghttp2_session_consume_connection(session(), bytes.size());
  H2ServerStream* s = find(stream);
  if (s == nullptr || s->arena == nullptr || s->end_told) return 0;
  if (s->paused || !s->held.empty()) {
    s->held.append(bytes);
  } else {
    tell_body(*s, bytes);
  }
  return 0;
}

void H2ServerConnection::tell_body(H2ServerStream& s, std::string_view bytes) {
  nghttp2_session_consume_stream(session(), number(s), bytes.size());
  events_.on_request_body(s.id, bytes);
}

void H2ServerConnection::on_end(H2ServerStream& s) {
  s.ended = true;
  if (!s.paused && s.held.empty()) tell_end(s);
}

void H2ServerConnection::tell_end(H2ServerStream& s) {
  if (s.arena == nullptr || s.end_told || !s.told) return;
  s.end_told = true;
  events_.on_request_end(s.id, s.trailers);
}

void H2ServerConnection::pause_body(StreamId stream) {
  if (H2ServerStream* s = find(stream)) s->paused = true;
}

void H2ServerConnection::resume_body(StreamId stream) {
  H2ServerStream* s = find(stream);
  if (s == nullptr || !std::exchange(s->paused, false)) return;
  if (!s->held.empty() || s->ended) resumed_.push_back(stream);
}

// What came while nobody took it. Its reader may pause again at any piece.
void H2ServerConnection::release_held() {
  for (StreamId id : std::exchange(resumed_, {})) {
    H2ServerStream* s = find(id);
    if (s == nullptr || s->paused) continue;
    std::string held = std::exchange(s->held, {});
    if (!held.empty() && s->arena != nullptr) tell_body(*s, held);
    if (s->ended && !s->paused) tell_end(*s);
  }
}

std::unique_ptr<H2ServerCodec> make_h2_server_codec(ServerEvents& events, const H2ServerLimits& limits) {
  return std::make_unique<H2ServerConnection>(events, limits);
}

}  // namespace postern::http
