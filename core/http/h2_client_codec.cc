#include "http/h2_client_codec.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/h2_fields.h"
#include "http/h2_lines.h"
#include "http/held_bytes.h"

namespace postern::http {
namespace {

constexpr unsigned kInterimResponses = 16;               // 1xx heads before the answer; more is no honest upstream
constexpr std::int32_t kConnectionWindow = 1024 * 1024;  // given back at once: one slow reader must not hold up others
constexpr StreamId kLastStream = 0x7fff0000;             // ids do not come again: time for another connection
constexpr std::uint32_t kMaxSettings = 32;               // in one SETTINGS frame

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

Error bad_response(std::string_view text) {
  return Error::upstream(ErrorCode::proxy_error, "bad response: " + std::string(text));
}

// One request and its response.
struct H2ClientStream {
  H2ClientStream(StreamId i, bool head, std::int64_t& held_total) noexcept : id(i), to_head(head), held(held_total) {}

  std::size_t queued() const noexcept { return queue.size() - queue_at; }
  std::size_t waiting() const noexcept { return queued() + fresh.size(); }
  void take(std::size_t size, ByteSink& out);

  const StreamId id;
  const bool to_head;   // the method is HEAD
  bool closed = false;  // nghttp2 has forgotten it
  // The request's body: what waits for the window, or what is being written right now.
  std::string queue;
  std::size_t queue_at = 0;
  std::string_view fresh;
  const HeaderList* request_trailers = nullptr;
  bool request_ended = false;  // nothing will be added
  bool end_sent = false;       // END_STREAM is on its way
  bool was_above = false;      // on_stream_writable is owed
  // The response.
  unsigned interim = 0;
  bool head_told = false;
  bool paused = false;
  bool delivering = false;  // deliver() is on the stack
  bool all_came = false;    // END_STREAM
  bool end_told = false;
  HeldBytes held;  // came while paused
  HeaderList* trailers = nullptr;
  std::string problem;  // why we gave it up
};

void H2ClientStream::take(std::size_t size, ByteSink& out) {
  if (std::size_t old = std::min(size, queued()); old > 0) {
    out.append(std::string_view(queue).substr(queue_at, old));
    queue_at += old;
    size -= old;
    if (queue_at >= queue.size() / 2) queue.erase(0, std::exchange(queue_at, 0));  // each byte moves once at most
  }
  if (size == 0) return;
  out.append(fresh.substr(0, size));
  fresh.remove_prefix(size);
}

class H2ClientCodec final : public ClientCodec {
 public:
  H2ClientCodec(ClientEvents& events, const HeadLimits& limits, ByteSink& out, const H2ClientOptions& options);
  ~H2ClientCodec() override { nghttp2_session_del(session_); }

  Result<std::size_t> feed(std::string_view bytes) override;
  Result<void> feed_eof() override;
  StreamId write_head(const RequestHead& head, ByteSink& out) override;
  void write_body(StreamId stream, std::string_view bytes, ByteSink& out) override;
  void write_end(StreamId stream, const HeaderList* trailers, ByteSink& out) override;
  void pause_body(StreamId stream) override;
  void resume_body(StreamId stream) override;
  std::size_t queued(StreamId stream) const noexcept override;
  bool owes_events() const noexcept override { return !pending_.empty(); }
  bool response_came(StreamId stream) const noexcept override;
  bool finish_stream(StreamId stream) override;
  void ping() override;

 private:
  using Stream = H2ClientStream;
  struct Event {  // told when nghttp2 is no longer on the stack
    StreamId stream;
    std::optional<StreamReset> reset;  // empty: writable
    Error error;
  };

  static H2ClientCodec& self(void* user) noexcept { return *static_cast<H2ClientCodec*>(user); }
  static nghttp2_session_callbacks* make_callbacks();
  void send_preface(const H2ClientOptions& options, const HeadLimits& limits);
  Stream* find(StreamId id) const noexcept;
  void flush();
  void tell_events();
  void deliver(StreamId id);
  void give_up(Stream& stream, std::uint32_t code, std::string_view why);
  void lost(Stream& stream, StreamReset cause, Error error);
  void end_of_response(StreamId id);
  void on_head_section(Stream& stream, bool ends);
  void on_trailer_section(Stream& stream);
  void on_interim(Stream& stream, ResponseHead& head);
  void tell_limit();

  // What nghttp2 calls; 0 is success.
  int on_begin_headers(StreamId id);
  int on_header(StreamId id, std::string_view name, std::string_view value);
  int on_invalid_header(StreamId id);
  int on_frame(const nghttp2_frame& frame);
  int on_data(StreamId id, std::string_view bytes);
  int on_invalid_frame(const nghttp2_frame& frame, int error);
  int on_frame_sent(const nghttp2_frame& frame);
  int on_frame_not_sent(const nghttp2_frame& frame, int error);
  int on_oversized(Stream& stream, bool is_head);
  int on_closed(StreamId id, std::uint32_t code);
  ssize_t read_request(StreamId id, std::size_t most, std::uint32_t& flags);
  int send_request(StreamId id, const std::uint8_t* frame_head, std::size_t size);

  ClientEvents* events_;
  HeadLimits limits_;
  ByteSink* out_;
  std::string_view scheme_;
  std::int64_t uncounted_ = 0;
  std::int64_t& held_total_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;  // by id: they only count up
  std::optional<H2FieldReader> fields_;           // of the section that is being read; empty: nobody wants it
  H2Lines lines_;
  std::vector<Event> pending_;
  std::optional<Error> broken_;
  std::optional<std::uint32_t> told_limit_;
  bool inside_ = false;  // nghttp2 is on the stack: what is written goes out when it has returned
  bool going_ = false;   // the upstream takes no more streams
};

// ---- Set up ----------------------------------------------------------------------------------------------------------

nghttp2_session_callbacks* H2ClientCodec::make_callbacks() {
  using Session = nghttp2_session;
  using Frame = nghttp2_frame;
  nghttp2_session_callbacks* c = nullptr;
  if (nghttp2_session_callbacks_new(&c) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_begin_headers_callback(c, [](Session*, const Frame* f, void* user) {
    return self(user).on_begin_headers(static_cast<StreamId>(f->hd.stream_id));
  });
  nghttp2_session_callbacks_set_on_header_callback(
      c, [](Session*, const Frame* f, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
            std::size_t value_size, std::uint8_t, void* user) {
        return self(user).on_header(static_cast<StreamId>(f->hd.stream_id), text_of(name, name_size),
                                    text_of(value, value_size));
      });
  nghttp2_session_callbacks_set_on_invalid_header_callback(
      c, [](Session*, const Frame* f, const std::uint8_t*, std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
            void* user) { return self(user).on_invalid_header(static_cast<StreamId>(f->hd.stream_id)); });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      c, [](Session*, const Frame* f, void* user) { return self(user).on_frame(*f); });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      c, [](Session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void* user) {
        return self(user).on_data(static_cast<StreamId>(id), text_of(bytes, size));
      });
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
      c, [](Session*, const Frame* f, int error, void* user) { return self(user).on_invalid_frame(*f, error); });
  nghttp2_session_callbacks_set_on_frame_send_callback(
      c, [](Session*, const Frame* f, void* user) { return self(user).on_frame_sent(*f); });
  nghttp2_session_callbacks_set_on_frame_not_send_callback(
      c, [](Session*, const Frame* f, int error, void* user) { return self(user).on_frame_not_sent(*f, error); });
  nghttp2_session_callbacks_set_on_stream_close_callback(c,
                                                         [](Session*, std::int32_t id, std::uint32_t code, void* user) {
                                                           return self(user).on_closed(static_cast<StreamId>(id), code);
                                                         });
  nghttp2_session_callbacks_set_send_data_callback(
      c, [](Session*, Frame* f, const std::uint8_t* head, std::size_t size, nghttp2_data_source*, void* user) {
        return self(user).send_request(static_cast<StreamId>(f->hd.stream_id), head, size);
      });
  return c;
}

H2ClientCodec::H2ClientCodec(ClientEvents& events, const HeadLimits& limits, ByteSink& out,
                             const H2ClientOptions& options)
    : events_(&events),
      limits_(limits),
      out_(&out),
      scheme_(options.scheme),
      held_total_(options.held_total != nullptr ? *options.held_total : uncounted_) {
  static nghttp2_session_callbacks* const callbacks = make_callbacks();
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_settings(option, kMaxSettings);
  nghttp2_option_set_max_send_header_block_length(option, options.most_head_sent);
  int failed = nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  if (failed != 0) throw std::bad_alloc();
  send_preface(options, limits);
}

void H2ClientCodec::send_preface(const H2ClientOptions& options, const HeadLimits& limits) {
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window},
                                             {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head_bytes}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  flush();
}

H2ClientCodec::Stream* H2ClientCodec::find(StreamId id) const noexcept {
  auto at = std::lower_bound(streams_.begin(), streams_.end(), id, [](const auto& s, StreamId i) { return s->id < i; });
  return at != streams_.end() && (*at)->id == id ? at->get() : nullptr;
}

// ---- Bytes in and out ------------------------------------------------------------------------------------------------

Result<std::size_t> H2ClientCodec::feed(std::string_view bytes) {
  if (broken_) return fail(*broken_);
  inside_ = true;
  auto taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  inside_ = false;
  if (taken < 0 && !broken_) broken_ = bad_response(nghttp2_strerror(static_cast<int>(taken)));
  flush();
  tell_events();
  if (broken_) return fail(*broken_);
  return bytes.size();
}

Result<void> H2ClientCodec::feed_eof() {
  if (streams_.empty() || broken_) return {};
  broken_ = Error::upstream(ErrorCode::proxy_error, "the upstream closed the connection");
  return fail(*broken_);
}

void H2ClientCodec::flush() {
  if (inside_) return;
  inside_ = true;
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0 && !broken_) broken_ = bad_response(nghttp2_strerror(static_cast<int>(size)));
    if (size <= 0) break;
    out_->append(text_of(bytes, static_cast<std::size_t>(size)));
  }
  inside_ = false;
}

// Whoever is told may write, finish streams and begin others.
void H2ClientCodec::tell_events() {
  while (!pending_.empty()) {
    for (Event& event : std::exchange(pending_, {})) {
      Stream* s = find(event.stream);
      if (s == nullptr) continue;
      if (!event.reset) {
        events_->on_stream_writable(event.stream);
        continue;
      }
      s->end_told = true;  // and what is held back is told to nobody
      (void)s->held.take();
      events_->on_stream_reset(event.stream, *event.reset, event.error);
    }
  }
}

// ---- Requests --------------------------------------------------------------------------------------------------------

StreamId H2ClientCodec::write_head(const RequestHead& head, ByteSink&) {
  std::optional<std::uint64_t> length;
  if (head.body.kind == BodyKind::length) length = head.body.length;
  lines_.set_request(head, scheme_, length);
  nghttp2_data_provider body{};
  body.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t most, std::uint32_t* flags,
                          nghttp2_data_source*,
                          void* user) { return self(user).read_request(static_cast<StreamId>(id), most, *flags); };
  bool ends = is_empty(head.body);
  auto id = nghttp2_submit_request(session_, nullptr, lines_.data(), lines_.size(), ends ? nullptr : &body, nullptr);
  if (id < 0) throw std::bad_alloc();  // ids end long before: finish_stream has said so
  streams_.push_back(std::make_unique<Stream>(static_cast<StreamId>(id), head.method == "HEAD", held_total_));
  streams_.back()->request_ended = ends;
  flush();
  return static_cast<StreamId>(id);
}

// Bytes are copied only when they have to wait.
void H2ClientCodec::write_body(StreamId stream, std::string_view bytes, ByteSink&) {
  Stream* s = find(stream);
  if (s == nullptr || s->closed || s->request_ended || bytes.empty()) return;
  if (inside_ || s->queued() > 0) {
    s->queue.append(bytes);
  } else {
    s->fresh = bytes;
    nghttp2_session_resume_data(session_, static_cast<std::int32_t>(stream));
    flush();
    s->queue.append(s->fresh);
    s->fresh = {};
  }
  if (s->queued() > kStreamQueue) s->was_above = true;
  if (inside_) nghttp2_session_resume_data(session_, static_cast<std::int32_t>(stream));
}

void H2ClientCodec::write_end(StreamId stream, const HeaderList* trailers, ByteSink&) {
  Stream* s = find(stream);
  if (s == nullptr || s->closed || s->request_ended) return;
  s->request_ended = true;
  s->request_trailers = trailers;
  nghttp2_session_resume_data(session_, static_cast<std::int32_t>(stream));
  flush();
}

ssize_t H2ClientCodec::read_request(StreamId id, std::size_t most, std::uint32_t& flags) {
  Stream* s = find(id);
  if (s == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  std::size_t size = std::min(most, s->waiting());
  bool last = s->request_ended && size == s->waiting();
  if (size == 0 && !last) return NGHTTP2_ERR_DEFERRED;
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (!last) return static_cast<ssize_t>(size);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (s->request_trailers == nullptr) return static_cast<ssize_t>(size);
  lines_.set_trailers(*s->request_trailers);
  if (lines_.size() == 0) return static_cast<ssize_t>(size);
  flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  if (nghttp2_submit_trailer(session_, static_cast<std::int32_t>(id), lines_.data(), lines_.size()) != 0)
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  return static_cast<ssize_t>(size);
}

int H2ClientCodec::send_request(StreamId id, const std::uint8_t* frame_head, std::size_t size) {
  constexpr std::size_t kFrameHead = 9;
  Stream* s = find(id);
  if (s == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  out_->append(text_of(frame_head, kFrameHead));
  s->take(size, *out_);
  if (s->was_above && s->queued() <= kStreamQueue / 4) {
    s->was_above = false;
    pending_.push_back({id, std::nullopt, {}});
  }
  return 0;
}

std::size_t H2ClientCodec::queued(StreamId stream) const noexcept {
  const Stream* s = find(stream);
  return s != nullptr ? s->queued() : 0;
}

bool H2ClientCodec::response_came(StreamId stream) const noexcept {
  const Stream* s = find(stream);
  return s != nullptr && s->all_came && s->problem.empty();
}

bool H2ClientCodec::finish_stream(StreamId stream) {
  auto at =
      std::lower_bound(streams_.begin(), streams_.end(), stream, [](const auto& s, StreamId i) { return s->id < i; });
  if (at != streams_.end() && (*at)->id == stream) {
    bool whole = (*at)->closed || ((*at)->all_came && (*at)->end_sent);
    streams_.erase(at);
    if (!whole) {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(stream), NGHTTP2_CANCEL);
      flush();
    }
  }
  return !going_ && !broken_ && stream < kLastStream;
}

void H2ClientCodec::ping() {
  if (nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr) == 0) flush();
}

int H2ClientCodec::on_frame_sent(const nghttp2_frame& frame) {
  auto id = static_cast<StreamId>(frame.hd.stream_id);
  bool ends = (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) &&
              (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (ends) {
    if (Stream* s = find(id); s != nullptr) s->end_sent = true;
  }
  if (frame.hd.type == NGHTTP2_RST_STREAM) {  // one that is still wanted: the response is not HTTP/2
    Stream* s = find(id);
    if (s != nullptr && s->problem.empty()) s->problem = nghttp2_http2_strerror(frame.rst_stream.error_code);
  }
  if (frame.hd.type == NGHTTP2_GOAWAY && frame.goaway.error_code != NGHTTP2_NO_ERROR && !broken_) {
    auto why = text_of(frame.goaway.opaque_data, frame.goaway.opaque_data_len);
    broken_ = bad_response(why.empty() ? std::string_view(nghttp2_http2_strerror(frame.goaway.error_code)) : why);
  }
  return 0;
}

int H2ClientCodec::on_frame_not_sent(const nghttp2_frame& frame, int error) {
  Stream* s = frame.hd.type == NGHTTP2_HEADERS ? find(static_cast<StreamId>(frame.hd.stream_id)) : nullptr;
  if (s == nullptr || s->closed) return 0;
  bool is_head = frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  if (error == NGHTTP2_ERR_FRAME_SIZE_ERROR) return on_oversized(*s, is_head);
  if (!is_head) return 0;  // trailers of a stream that is closing
  s->closed = true;
  lost(*s, StreamReset::unprocessed,
       Error::upstream(ErrorCode::proxy_error, "the upstream takes no more requests on this connection"));
  return 0;
}

// More than options.most_head_sent: no other connection would send it either.
int H2ClientCodec::on_oversized(Stream& stream, bool is_head) {
  stream.closed = true;
  std::string what = is_head ? "the request's head is" : "the request's trailers are";
  lost(stream, StreamReset::by_peer, Error::upstream(ErrorCode::proxy_error, what + " too large to be sent"));
  if (!is_head)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(stream.id),
                              NGHTTP2_INTERNAL_ERROR);
  return 0;
}

// ---- Responses -------------------------------------------------------------------------------------------------------

int H2ClientCodec::on_begin_headers(StreamId id) {
  fields_.reset();
  Stream* s = find(id);
  if (s == nullptr || s->all_came) return 0;
  auto section = s->head_told ? H2FieldReader::Section::response_trailers : H2FieldReader::Section::response;
  fields_.emplace(section, limits_, events_->on_response_begin(id));
  return 0;
}

int H2ClientCodec::on_header(StreamId id, std::string_view name, std::string_view value) {
  if (!fields_ || fields_->add(name, value)) return 0;
  fields_.reset();
  if (Stream* s = find(id); s != nullptr) s->problem = "the head is too large";
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int H2ClientCodec::on_invalid_header(StreamId id) {
  fields_.reset();
  if (Stream* s = find(id); s != nullptr && s->problem.empty()) s->problem = "malformed field";
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int H2ClientCodec::on_frame(const nghttp2_frame& frame) {
  auto id = static_cast<StreamId>(frame.hd.stream_id);
  bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      if (Stream* s = find(id); s != nullptr && fields_)
        s->head_told ? on_trailer_section(*s) : on_head_section(*s, ends);
      fields_.reset();
      if (ends) end_of_response(id);
      return 0;
    case NGHTTP2_DATA:
      if (ends) end_of_response(id);
      return 0;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) tell_limit();
      return 0;
    case NGHTTP2_GOAWAY:
      going_ = true;
      tell_limit();
      return 0;
    default:
      return 0;
  }
}

void H2ClientCodec::tell_limit() {
  std::uint32_t most =
      going_ ? 0 : nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (told_limit_ == most) return;
  told_limit_ = most;
  events_->on_stream_limit(most);
}

void H2ClientCodec::on_head_section(Stream& stream, bool ends) {
  auto head = fields_->finish_response(ends, stream.to_head);
  if (!head) {
    return give_up(stream, head.error().malformed ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_CANCEL, head.error().error.text);
  }
  if ((*head)->status < 200) return on_interim(stream, **head);
  stream.head_told = true;
  stream.end_told = stream.all_came = ends;
  events_->on_response_head(stream.id, **head, ends);
}

void H2ClientCodec::on_interim(Stream& stream, ResponseHead& head) {
  if (++stream.interim > kInterimResponses) {
    return give_up(stream, NGHTTP2_ENHANCE_YOUR_CALM, "bad response: too many interim responses");
  }
  events_->on_informational(stream.id, head);
}

void H2ClientCodec::on_trailer_section(Stream& stream) {
  auto trailers = fields_->finish_trailers();
  if (!trailers) return give_up(stream, NGHTTP2_PROTOCOL_ERROR, trailers.error().error.text);
  stream.trailers = *trailers;
}

// Its window is given back when somebody takes it, the connection's at once.
int H2ClientCodec::on_data(StreamId id, std::string_view bytes) {
  nghttp2_session_consume_connection(session_, bytes.size());
  Stream* s = find(id);
  if (s == nullptr || s->end_told || !s->problem.empty()) return 0;
  if (s->paused || s->delivering) {
    s->held.append(bytes);
    return 0;
  }
  events_->on_response_body(id, bytes);
  nghttp2_session_consume_stream(session_, static_cast<std::int32_t>(id), bytes.size());
  return 0;
}

void H2ClientCodec::end_of_response(StreamId id) {
  Stream* s = find(id);
  if (s == nullptr || !s->problem.empty() || s->end_told) return;
  s->all_came = true;
  deliver(id);
}

// Tells what may be told now; whoever is told may pause again, or finish the stream.
void H2ClientCodec::deliver(StreamId id) {
  Stream* s = find(id);
  if (s == nullptr || s->delivering || s->end_told) return;
  s->delivering = true;
  while (s != nullptr && !s->paused && !s->held.empty()) {
    std::string bytes = s->held.take();
    events_->on_response_body(id, bytes);
    nghttp2_session_consume_stream(session_, static_cast<std::int32_t>(id), bytes.size());
    s = find(id);
  }
  if (s == nullptr) return;
  s->delivering = false;
  if (s->paused || !s->all_came || std::exchange(s->end_told, true)) return;
  events_->on_response_end(id, s->trailers);
}

void H2ClientCodec::pause_body(StreamId stream) {
  if (Stream* s = find(stream); s != nullptr) s->paused = true;
}

void H2ClientCodec::resume_body(StreamId stream) {
  Stream* s = find(stream);
  if (s == nullptr || !std::exchange(s->paused, false)) return;
  deliver(stream);
  flush();
}

// ---- Ends ------------------------------------------------------------------------------------------------------------

void H2ClientCodec::give_up(Stream& stream, std::uint32_t code, std::string_view why) {
  if (stream.problem.empty()) stream.problem = why;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(stream.id), code);
}

int H2ClientCodec::on_invalid_frame(const nghttp2_frame& frame, int error) {
  Stream* s = find(static_cast<StreamId>(frame.hd.stream_id));
  if (s != nullptr && s->problem.empty()) s->problem = nghttp2_strerror(error);
  return 0;
}

int H2ClientCodec::on_closed(StreamId id, std::uint32_t code) {
  Stream* s = find(id);
  if (s == nullptr || std::exchange(s->closed, true)) return 0;
  if (s->end_told || (s->all_came && s->problem.empty())) return 0;
  if (!s->problem.empty()) {
    bool prefixed = s->problem.starts_with("bad response");
    lost(*s, StreamReset::malformed,
         prefixed ? Error::upstream(ErrorCode::proxy_error, s->problem) : bad_response(s->problem));
    return 0;
  }
  auto cause = code == NGHTTP2_REFUSED_STREAM ? StreamReset::unprocessed : StreamReset::by_peer;
  lost(*s, cause,
       Error::upstream(ErrorCode::proxy_error,
                       "the upstream reset the stream: " + std::string(nghttp2_http2_strerror(code))));
  return 0;
}

void H2ClientCodec::lost(Stream& stream, StreamReset cause, Error error) {
  pending_.push_back({stream.id, cause, std::move(error)});
}

}  // namespace

std::unique_ptr<ClientCodec> make_h2_client_codec(ClientEvents& events, const HeadLimits& limits, ByteSink& out,
                                                  const H2ClientOptions& options) {
  return std::make_unique<H2ClientCodec>(events, limits, out, options);
}

}  // namespace postern::http
