#include "http/h1_client_codec.h"

#include "http/body_framing.h"
#include "http/h1_reader.h"
#include "http/h1_response.h"
#include "http/h1_writer.h"

namespace postern::http {
namespace {

constexpr unsigned kInterimResponses = 16;  // 1xx heads before the answer; more is no honest upstream

class H1ClientCodec final : public ClientCodec, private H1ReadHandler {
 public:
  H1ClientCodec(ClientEvents& events, const HeadLimits& limits) noexcept
      : events_(&events), reader_(*this, H1Parser::Kind::response, response_limits(limits), 0) {}

  Result<std::size_t> feed(std::string_view bytes) override;
  Result<void> feed_eof() override {
    close_ = true;
    return reader_.feed_eof();
  }

  StreamId write_head(const RequestHead& head, ByteSink& out) override;
  void write_body(StreamId stream, std::string_view bytes, ByteSink& out) override;
  void write_end(StreamId stream, const HeaderList* trailers, ByteSink& out) override;
  void pause_body(StreamId stream) override {
    if (is_open(stream)) reader_.pause();
  }
  void resume_body(StreamId stream) override {
    if (is_open(stream)) reader_.resume();
  }
  bool finish_stream(StreamId stream) override;

 private:
  // A status line has no limit of its own.
  static HeadLimits response_limits(HeadLimits limits) noexcept {
    limits.request_line_bytes = limits.head_bytes;
    return limits;
  }

  Arena& begin_message() override;
  Result<AfterHead> parse_head(std::string_view bytes, H1Parser& parser) override;
  void head_read(bool ends) override;
  void body_read(std::string_view bytes) override { events_->on_response_body(stream_, bytes); }
  void message_read(HeaderList* trailers) override { events_->on_response_end(stream_, trailers); }
  Error refusal(ErrorCode, std::string_view text) const override {
    return Error::upstream(ErrorCode::proxy_error, "bad response: " + std::string(text));
  }

  bool is_open(StreamId stream) const noexcept { return open_ && stream == stream_; }

  ClientEvents* events_;
  H1Reader reader_;
  H1BodyWriter body_;
  Arena* arena_ = nullptr;
  ResponseHead* head_ = nullptr;  // only while its event runs
  StreamId stream_ = 0;
  unsigned interim_ = 0;
  bool open_ = false;     // a request was begun and its exchange is not over
  bool is_head_ = false;  // the method is HEAD
  bool upgrade_ = false;  // another protocol was asked for
  bool close_ = false;    // the upstream will close after this response
};

Result<std::size_t> H1ClientCodec::feed(std::string_view bytes) {
  if (bytes.empty() || reader_.closed()) return bytes.size();
  if (!open_ && reader_.idle()) {
    reader_.close();
    return fail(refusal(ErrorCode::proxy_error, "bytes without a request"));
  }
  auto taken = reader_.feed(bytes);
  if (taken && *taken < bytes.size() && reader_.complete()) {
    reader_.close();
    return fail(refusal(ErrorCode::proxy_error, "bytes after its end"));
  }
  return taken;
}

StreamId H1ClientCodec::write_head(const RequestHead& head, ByteSink& out) {
  ++stream_;
  open_ = true;
  interim_ = 0;
  is_head_ = head.method == "HEAD";
  upgrade_ = head.upgrade && !head.upgrade_protocol.empty();
  close_ = false;
  BodyFraming framing = head.body;
  if (framing.kind == BodyKind::until_close) framing.kind = BodyKind::chunked;  // requests know no such thing
  // Who reads "POST" expects to be told that nothing follows (RFC 9110 section 8.6).
  bool expects_body = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
  WireHead wire;
  wire.chunked = framing.kind == BodyKind::chunked;
  wire.has_length = framing.kind == BodyKind::length || (framing.kind == BodyKind::none && expects_body);
  wire.length = framing.kind == BodyKind::length ? framing.length : 0;
  if (upgrade_) {
    wire.connection = ConnectionOption::upgrade;
    wire.upgrade_protocol = head.upgrade_protocol;
  }
  write_request_head(head, wire, out);
  body_.start(framing);
  return stream_;
}

void H1ClientCodec::write_body(StreamId stream, std::string_view bytes, ByteSink& out) {
  if (is_open(stream)) body_.write(bytes, out);
}

void H1ClientCodec::write_end(StreamId stream, const HeaderList* trailers, ByteSink& out) {
  if (is_open(stream)) body_.end(trailers, out);
}

Arena& H1ClientCodec::begin_message() {
  arena_ = &events_->on_response_begin(stream_);
  return *arena_;
}

Result<AfterHead> H1ClientCodec::parse_head(std::string_view bytes, H1Parser& parser) {
  auto head = parse_h1_response(bytes, parser, *arena_);
  if (!head) return fail(std::move(head.error()));
  head_ = *head;
  close_ = !head_->keep_alive;
  if (head_->status == 101) {
    if (!upgrade_) return fail(refusal(ErrorCode::proxy_error, "101 that nobody asked for"));
    head_->upgrade = true;
    body_.start({BodyKind::until_close, 0});
    return AfterHead{{BodyKind::until_close, 0}, false};
  }
  if (head_->status < 200) {
    if (++interim_ > kInterimResponses) return fail(refusal(ErrorCode::proxy_error, "too many interim responses"));
    return AfterHead{{}, true};
  }
  if (is_head_ || !status_has_body(head_->status)) return AfterHead{};
  if (head_->body.kind == BodyKind::until_close) close_ = true;
  return AfterHead{head_->body, false};
}

void H1ClientCodec::head_read(bool ends) {
  bool interim = head_->status < 200 && !head_->upgrade;
  if (interim) return events_->on_informational(stream_, *head_);
  events_->on_response_head(stream_, *head_, ends);
}

bool H1ClientCodec::finish_stream(StreamId stream) {
  if (!is_open(stream)) return false;
  open_ = false;
  return reader_.next_message(!reader_.more_came() && body_.complete() && !close_);
}

}  // namespace

std::unique_ptr<ClientCodec> make_h1_client_codec(ClientEvents& events, const HeadLimits& limits) {
  return std::make_unique<H1ClientCodec>(events, limits);
}

}  // namespace postern::http
