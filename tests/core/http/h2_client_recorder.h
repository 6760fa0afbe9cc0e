// What the HTTP/2 client codec told, as text: one line per event, with its stream. For tests and fuzz targets.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/http/h2_wire.h"
#include "core/http/recorders.h"
#include "http/h2_client_codec.h"

namespace postern::http::testing {

class H2ClientRecorder : public ClientEvents {
 public:
  explicit H2ClientRecorder(const HeadLimits& limits = {}, const H2ClientOptions& options = {})
      : codec(make_h2_client_codec(*this, limits, out, options)) {}
  virtual ~H2ClientRecorder() = default;

  Arena& on_response_begin(StreamId) override { return arena; }
  void on_informational(StreamId s, ResponseHead& head) override {
    line(s, "interim " + std::to_string(head.status) + text_of(head.headers));
  }
  void on_response_head(StreamId s, ResponseHead& head, bool ends) override {
    line(s, "head " + std::to_string(head.status) + " " + text_of(head.body) + (ends ? " ends" : "") +
                text_of(head.headers));
    if (pauses) codec->pause_body(s);
  }
  void on_response_body(StreamId s, std::string_view bytes) override {
    line(s, "body " + (bytes.size() > 20 ? std::to_string(bytes.size()) + " bytes" : std::string(bytes)));
    body_bytes += bytes.size();
    if (pauses) codec->pause_body(s);
  }
  void on_response_end(StreamId s, HeaderList* trailers) override {
    line(s, "end" + (trailers != nullptr ? text_of(*trailers) : std::string()));
    if (finishes) codec->finish_stream(s);
  }
  void on_stream_reset(StreamId s, StreamReset cause, const Error& error) override {
    static constexpr std::string_view kCauses[] = {"by_peer", "unprocessed", "malformed"};
    line(s, "reset " + std::string(kCauses[static_cast<std::size_t>(cause)]));
    last = error;
    if (finishes) codec->finish_stream(s);
  }
  void on_stream_writable(StreamId s) override { line(s, "writable"); }
  void on_stream_limit(std::uint32_t most) override { text += "limit " + std::to_string(most) + "\n"; }

  StreamId request(std::string_view method = "GET", BodyFraming body = {}, std::string_view path = "/",
                   std::string_view long_value = {}) {
    RequestHead head(arena);
    if (!long_value.empty()) head.headers.add("X-Long", long_value);
    head.method = method;
    head.target = path;
    head.authority = "u";
    head.body = body;
    return codec->write_head(head, out);
  }
  bool feed(std::string_view bytes, std::size_t piece = static_cast<std::size_t>(-1)) {
    for (; !bytes.empty() && !failed; bytes.remove_prefix(std::min(piece, bytes.size()))) {
      auto taken = codec->feed(bytes.substr(0, piece));
      if (taken) continue;
      failed = true;
      last = taken.error();
    }
    return !failed;
  }
  std::string told() { return std::exchange(text, {}); }
  std::string sent() { return frames_in(out.bytes); }

  bool pauses = false;
  bool finishes = false;
  bool failed = false;
  std::size_t body_bytes = 0;
  Error last;
  std::string text;
  StringSink out;
  BlockPool pool;
  Arena arena{pool};
  std::unique_ptr<ClientCodec> codec;

 private:
  void line(StreamId s, const std::string& what) { text += std::to_string(s) + " " + what + "\n"; }
};

}  // namespace postern::http::testing
