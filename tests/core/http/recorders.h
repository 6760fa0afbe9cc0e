// What a codec told, as text: one line per event, body pieces of one message joined. For tests and fuzz targets.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/h1_client_codec.h"
#include "http/h1_server_codec.h"

namespace postern::http::testing {

struct StringSink final : ByteSink {
  std::string bytes;
  std::size_t appends = 0;
  void append(std::string_view more) override {
    bytes += more;
    ++appends;
  }
};

inline std::string text_of(const HeaderList& fields) {
  std::string text;
  for (const Field& field : fields) text.append(" [").append(field.name).append(": ").append(field.value).append("]");
  return text;
}

inline std::string text_of(BodyFraming body) {
  switch (body.kind) {
    case BodyKind::none:
      return "none";
    case BodyKind::length:
      return std::to_string(body.length);
    case BodyKind::chunked:
      return "chunked";
    case BodyKind::until_close:
      return "until_close";
  }
  return "?";
}

class Transcript {
 public:
  void line(std::string text) {
    in_body_ = false;
    text_ += text + "\n";
  }
  void body(std::string_view bytes) {
    if (!in_body_) text_ += "body ";
    if (in_body_) text_.pop_back();
    in_body_ = true;
    text_.append(bytes).append("\n");
  }
  void end(const HeaderList* trailers) { line("end" + (trailers != nullptr ? text_of(*trailers) : std::string())); }
  void error(const Error& error) { line("error " + std::to_string(status_of(error.code))); }
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  bool in_body_ = false;
};

// Answers each request with 204 once it is complete (`answers`), so that pipelined ones follow.
class ServerRecorder final : public ServerEvents {
 public:
  explicit ServerRecorder(const HeadLimits& limits = {}) : codec(make_h1_server_codec(*this, limits)) {}

  Arena& on_request_begin(StreamId stream) override {
    current = stream;
    arena.reset();
    return arena;
  }
  void on_request_head(StreamId, RequestHead& head, bool ends) override {
    std::string flags;
    if (!head.keep_alive) flags += " close";
    if (head.expect_continue) flags += " expect";
    if (head.upgrade) flags += " upgrade=" + std::string(head.upgrade_protocol);
    transcript.line("head " + std::string(head.method) + " " + std::string(head.path) +
                    (head.query.empty() ? "" : "?" + std::string(head.query)) + " " +
                    std::string(name_of(head.version)) + " @" + std::string(head.authority) + " " + text_of(head.body) +
                    flags + text_of(head.headers));
    wire_bytes = head.wire_bytes;
    target = head.target;
    if (ends && answers) answer();
  }
  void on_request_body(StreamId stream, std::string_view bytes) override {
    transcript.body(bytes);
    if (pauses) codec->pause_body(stream);
  }
  void on_request_end(StreamId, HeaderList* trailers) override {
    transcript.end(trailers);
    if (answers) answer();
  }

  // Feeds `bytes` in pieces of `piece` bytes, resuming whenever it was paused, until an error or until nothing is
  // taken.
  void feed(std::string_view bytes, std::size_t piece = static_cast<std::size_t>(-1)) {
    while (!bytes.empty() && !failed) {
      auto part = bytes.substr(0, piece);
      auto taken = codec->feed(part);
      if (!taken) return fail_with(taken.error());
      if (pauses) codec->resume_body(current);
      if (*taken == 0 && !pauses) return;
      bytes.remove_prefix(*taken);
    }
  }
  void feed_eof() {
    if (failed) return;
    if (auto done = codec->feed_eof(); !done) return fail_with(done.error());
    transcript.line("eof");
  }
  void answer() {
    ResponseHead head(arena);
    head.status = 204;
    codec->write_head(current, head, false, out);
    codec->write_end(current, nullptr, out);
    if (!codec->finish_stream(current)) transcript.line("closed");
  }
  const std::string& text() const noexcept { return transcript.text(); }

  bool answers = true;
  bool pauses = false;
  bool failed = false;
  Error error;
  StreamId current = 0;  // 0: no request has begun
  std::uint32_t wire_bytes = 0;
  std::string target;
  StringSink out;
  Transcript transcript;
  BlockPool pool;
  Arena arena{pool};
  std::unique_ptr<ServerCodec> codec;

 private:
  void fail_with(const Error& what) {
    failed = true;
    error = what;
    transcript.error(what);
  }
};

class ClientRecorder final : public ClientEvents {
 public:
  explicit ClientRecorder(const HeadLimits& limits = {}) : codec(make_h1_client_codec(*this, limits)) {}

  Arena& on_response_begin(StreamId) override {
    arena.reset();
    return arena;
  }
  void on_informational(StreamId, ResponseHead& head) override {
    transcript.line("interim " + std::to_string(head.status) + text_of(head.headers));
  }
  void on_response_head(StreamId, ResponseHead& head, bool ends) override {
    transcript.line("head " + std::to_string(head.status) + " " + std::string(head.reason) + " " + text_of(head.body) +
                    (head.keep_alive ? "" : " close") +
                    (head.upgrade ? " upgrade=" + std::string(head.upgrade_protocol) : "") + (ends ? " ends" : "") +
                    text_of(head.headers));
  }
  void on_response_body(StreamId now, std::string_view bytes) override {
    transcript.body(bytes);
    if (pauses) codec->pause_body(now);
  }
  void on_response_end(StreamId, HeaderList* trailers) override { transcript.end(trailers); }

  // Sends a request without a body.
  void request(std::string_view method, bool upgrade = false) {
    BlockPool request_pool;
    Arena request_arena(request_pool);
    RequestHead head(request_arena);
    head.method = method;
    head.target = "/";
    head.authority = "u";
    head.upgrade = upgrade;
    head.upgrade_protocol = "websocket";
    current = codec->write_head(head, out);
    codec->write_end(current, nullptr, out);
  }
  void feed(std::string_view bytes, std::size_t piece = static_cast<std::size_t>(-1)) {
    while (!bytes.empty() && !failed) {
      auto part = bytes.substr(0, piece);
      auto taken = codec->feed(part);
      if (!taken) return fail_with(taken.error());
      if (pauses) codec->resume_body(current);
      if (*taken == 0 && !pauses) return;
      bytes.remove_prefix(*taken);
    }
  }
  void feed_eof() {
    if (failed) return;
    if (auto done = codec->feed_eof(); !done) return fail_with(done.error());
    transcript.line("eof");
  }
  bool finish() { return codec->finish_stream(current); }
  const std::string& text() const noexcept { return transcript.text(); }

  bool pauses = false;
  bool failed = false;
  Error error;
  StreamId current = 0;
  StringSink out;
  Transcript transcript;
  BlockPool pool;
  Arena arena{pool};
  std::unique_ptr<ClientCodec> codec;

 private:
  void fail_with(const Error& what) {
    failed = true;
    error = what;
    transcript.error(what);
  }
};

}  // namespace postern::http::testing
