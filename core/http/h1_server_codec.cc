#include "http/h1_server_codec.h"

#include "http/body_framing.h"
#include "http/h1_reader.h"
#include "http/h1_request.h"
#include "http/h1_writer.h"

namespace postern::http {
namespace {

constexpr unsigned kBlankLines = 2;  // tolerated before a request line

class H1ServerCodec final : public ServerCodec, private H1ReadHandler {
 public:
  H1ServerCodec(ServerEvents& events, const HeadLimits& limits) noexcept
      : events_(&events), reader_(*this, H1Parser::Kind::request, limits, kBlankLines) {}

  Result<std::size_t> feed(std::string_view bytes) override { return reader_.feed(bytes); }
  Result<void> feed_eof() override { return reader_.feed_eof(); }
  void pause_body(StreamId stream) override {
    if (is_open(stream)) reader_.pause();
  }
  void resume_body(StreamId stream) override {
    if (is_open(stream)) reader_.resume();
  }

  void write_informational(StreamId stream, const ResponseHead& head, ByteSink& out) override;
  void write_head(StreamId stream, const ResponseHead& head, bool close, ByteSink& out) override;
  void write_body(StreamId stream, std::string_view bytes, ByteSink& out) override;
  void write_end(StreamId stream, const HeaderList* trailers, ByteSink& out) override;
  bool finish_stream(StreamId stream) override;
  bool busy() const override { return open_ || !(reader_.idle() || reader_.closed()); }

 private:
  Arena& begin_message() override;
  Result<AfterHead> parse_head(std::string_view bytes, H1Parser& parser) override;
  void head_read(bool ends) override { events_->on_request_head(stream_, *head_, ends); }
  void body_read(std::string_view bytes) override { events_->on_request_body(stream_, bytes); }
  void message_read(HeaderList* trailers) override { events_->on_request_end(stream_, trailers); }
  Error refusal(ErrorCode code, std::string_view text) const override { return Error::client(code, std::string(text)); }

  bool is_open(StreamId stream) const noexcept { return open_ && stream == stream_; }
  BodyFraming choose_framing(const ResponseHead& head) const noexcept;
  ConnectionOption choose_connection(const ResponseHead& head) const noexcept;

  ServerEvents* events_;
  H1Reader reader_;
  H1BodyWriter body_;
  Arena* arena_ = nullptr;
  RequestHead* head_ = nullptr;  // only while its event runs
  StreamId stream_ = 0;
  Version version_ = Version::http11;
  bool open_ = false;      // a request has begun and its response is not over
  bool is_head_ = false;   // the method is HEAD
  bool answered_ = false;  // the response's head is written
  bool close_ = false;     // this response is the connection's last
};

Arena& H1ServerCodec::begin_message() {
  ++stream_;
  open_ = true;
  is_head_ = false;
  version_ = Version::http11;
  answered_ = close_ = false;
  arena_ = &events_->on_request_begin(stream_);
  return *arena_;
}

Result<AfterHead> H1ServerCodec::parse_head(std::string_view bytes, H1Parser& parser) {
  auto head = parse_h1_request(bytes, parser, *arena_, is_head_, version_);
  if (!head) return fail(std::move(head.error()));
  head_ = *head;
  close_ = !head_->keep_alive;
  return AfterHead{head_->body, false};
}

void H1ServerCodec::write_informational(StreamId stream, const ResponseHead& head, ByteSink& out) {
  if (!is_open(stream) || version_ == Version::http10) return;  // RFC 9110 section 15.2: never to HTTP/1.0
  write_response_head(head, {}, out);
}

// How the body goes out, whatever way it comes in.
BodyFraming H1ServerCodec::choose_framing(const ResponseHead& head) const noexcept {
  if (head.status == 101) return {BodyKind::until_close, 0};
  if (!status_has_body(head.status)) return {BodyKind::none, 0};
  if (head.body.kind == BodyKind::none) return {BodyKind::length, 0};
  if (head.body.kind == BodyKind::length) return head.body;
  return {version_ == Version::http10 ? BodyKind::until_close : BodyKind::chunked, 0};
}

ConnectionOption H1ServerCodec::choose_connection(const ResponseHead& head) const noexcept {
  if (head.status == 101) return ConnectionOption::upgrade;
  if (close_) return ConnectionOption::close;
  return version_ == Version::http10 ? ConnectionOption::keep_alive : ConnectionOption::none;
}

void H1ServerCodec::write_head(StreamId stream, const ResponseHead& head, bool close, ByteSink& out) {
  if (!is_open(stream)) return;
  BodyFraming framing = choose_framing(head);
  bool sends_body = framing.kind != BodyKind::none && !is_head_;
  close_ = close_ || close || reader_.closed() || (sends_body && framing.kind == BodyKind::until_close);
  WireHead wire;
  wire.connection = choose_connection(head);
  wire.upgrade_protocol = head.upgrade_protocol;
  // To HEAD and in a 304 only a length that is known is told, in a 204 none (RFC 9110 section 8.6).
  wire.has_length = sends_body
                        ? framing.kind == BodyKind::length
                        : head.body.kind == BodyKind::length && (is_head_ || head.status == 304) && head.status != 204;
  wire.length = sends_body ? framing.length : head.body.length;
  wire.chunked = sends_body && framing.kind == BodyKind::chunked;
  write_response_head(head, wire, out);
  body_.start(sends_body ? framing : BodyFraming{});
  answered_ = true;
  if (head.status == 101 && reader_.complete()) reader_.start_tunnel();
}

void H1ServerCodec::write_body(StreamId stream, std::string_view bytes, ByteSink& out) {
  if (is_open(stream) && answered_) body_.write(bytes, out);
}

void H1ServerCodec::write_end(StreamId stream, const HeaderList* trailers, ByteSink& out) {
  if (is_open(stream) && answered_) body_.end(trailers, out);
}

bool H1ServerCodec::finish_stream(StreamId stream) {
  if (!is_open(stream)) return false;
  open_ = false;
  return reader_.next_message(answered_ && body_.complete() && !close_);
}

}  // namespace

std::unique_ptr<ServerCodec> make_h1_server_codec(ServerEvents& events, const HeadLimits& limits) {
  return std::make_unique<H1ServerCodec>(events, limits);
}

}  // namespace postern::http
