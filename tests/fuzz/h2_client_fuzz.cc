// Any bytes of an HTTP/2 upstream, with three requests open: no crash, nothing told of a stream after its end, and no body
// beyond its length. The first byte chooses pauses, what the third request sends, and how the bytes are split.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>

#include "core/http/h2_client_recorder.h"

namespace {

using namespace postern::http;

struct Checker final : testing::H2ClientRecorder {
  using H2ClientRecorder::H2ClientRecorder;

  struct Told {
    bool head = false;
    bool over = false;
    std::optional<std::uint64_t> left;
  };
  std::map<StreamId, Told> streams;

  static void require(bool holds) {
    if (!holds) std::abort();
  }
  void on_response_head(StreamId s, ResponseHead& head, bool ends) override {
    Told& told = streams[s];
    require(!told.head && !told.over && head.status >= 200);
    told = {true, ends, std::nullopt};
    if (head.body.kind == BodyKind::length) told.left = head.body.length;
    H2ClientRecorder::on_response_head(s, head, ends);
  }
  void on_response_body(StreamId s, std::string_view bytes) override {
    Told& told = streams[s];
    require(told.head && !told.over && !bytes.empty());
    if (told.left) require(bytes.size() <= *told.left);
    if (told.left) *told.left -= bytes.size();
    H2ClientRecorder::on_response_body(s, bytes);
  }
  void on_response_end(StreamId s, HeaderList* trailers) override {
    Told& told = streams[s];
    require(told.head && !told.over && told.left.value_or(0) == 0);
    told.over = true;
    H2ClientRecorder::on_response_end(s, trailers);
  }
  void on_stream_reset(StreamId s, StreamReset cause, const postern::Error& error) override {
    require(!streams[s].over);
    streams[s].over = true;
    H2ClientRecorder::on_stream_reset(s, cause, error);
  }
};

void play(std::uint8_t choice, std::string_view bytes, std::size_t piece) {
  HeadLimits limits;
  limits.head_bytes = 1000;
  limits.fields = 10;
  Checker client(limits, {.stream_window = 1000});
  client.pauses = (choice & 1) != 0;
  client.finishes = (choice & 2) != 0;
  client.request("GET");
  client.request("HEAD");
  auto upload = client.request("POST", {BodyKind::chunked, 0});
  std::string body((choice & 4) != 0 ? 100'000 : 10, 'x');
  client.codec->write_body(upload, body, client.out);
  while (!bytes.empty() && client.feed(bytes.substr(0, piece))) {
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (StreamId s : {1, 3, 5})
      if (client.pauses) client.codec->resume_body(s);
    client.codec->write_body(upload, "more", client.out);
  }
  client.codec->write_end(upload, nullptr, client.out);
  for (StreamId s : {1, 3, 5}) client.codec->finish_stream(s);
  (void)client.codec->feed_eof();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  play(data[0], bytes, (data[0] & 8) != 0 ? 1 : 16'384);
  return 0;
}
