// Frames become the events of many streams and back; what breaks the rules, or is too much, ends a stream or all of them.
#include "http/h2_server_codec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/http/h2_peer.h"
#include "core/http/h2_wire.h"

namespace postern::http {
namespace {

const H2Peer::Fields kGet = {{":method", "GET"}, {":scheme", "http"}, {":path", "/a"}, {":authority", "h"}};
const H2Peer::Fields kPost = {{":method", "POST"}, {":scheme", "http"}, {":path", "/a"}, {":authority", "h"}};
const H2Peer::Fields kChat = {
    {":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/chat"}, {":authority", "h"}};

H2Peer::Fields with(H2Peer::Fields fields, std::string name, std::string value) {
  fields.emplace_back(std::move(name), std::move(value));
  return fields;
}

struct Sink final : ByteSink {
  void append(std::string_view bytes) override { text.append(bytes); }
  bool full() const noexcept override { return is_full; }
  std::string text;
  bool is_full = false;
};

// A codec with a client before it; says what happened as one line per event.
struct Pair final : ServerEvents {
  explicit Pair(H2ServerLimits limits = {}, std::uint32_t window = 65535, bool gives_room = true)
      : codec(make_h2_server_codec(*this, limits)), peer(window, gives_room) {
    exchange();
  }

  Arena& on_request_begin(StreamId) override { return arena; }
  void on_request_head(StreamId s, RequestHead& head, bool ends) override {
    say(s, "head " + std::string(head.method) + " " + std::string(head.path) + (ends ? " ends" : ""));
    if (!ends && pauses) codec->pause_body(s);
  }
  void on_request_body(StreamId s, std::string_view bytes) override {
    got[s] += bytes.size();
    say(s, "body " + (bytes.size() > 20 ? std::to_string(bytes.size()) : std::string(bytes)));
  }
  void on_request_end(StreamId s, HeaderList* trailers) override {
    std::string text = "end";
    if (trailers != nullptr)
      for (const Field& f : *trailers) text.append(" ").append(f.name).append("=").append(f.value);
    say(s, text);
  }
  void on_request_refused(StreamId s, const Error& error) override {
    say(s, "refused " + std::to_string(status_of(error.code)));
  }
  void on_stream_closed(StreamId s, const Error* why) override {
    say(s, why == nullptr ? "closed" : why->text.empty() ? "gave up" : "broken");
  }
  void on_stream_writable(StreamId s) override { say(s, "writable"); }
  void say(StreamId s, const std::string& text) { events.push_back(std::to_string(s) + " " + text); }

  // Bytes go to and fro until nobody has any. Returns false once the codec has failed.
  bool exchange() {
    for (;;) {
      std::string up = peer.take_output();
      if (!up.empty() && !feed(up)) return false;
      codec->flush(sink);
      if (sink.text.empty() && up.empty()) return true;
      peer.receive(std::exchange(sink.text, {}));
    }
  }
  bool feed(std::string_view bytes) {
    codec->set_now(now);
    auto taken = codec->feed(bytes);
    codec->flush(sink);
    if (!taken) peer.receive(std::exchange(sink.text, {}));
    return taken.has_value();
  }
  void answer(StreamId s, std::uint16_t status, std::string_view body, BodyFraming framing) {
    ResponseHead head(arena);
    head.status = status;
    head.body = framing;
    codec->write_head(s, head, false, sink);
    if (!body.empty()) codec->write_body(s, body, sink);
    codec->write_end(s, nullptr, sink);
    codec->finish_stream(s);
    exchange();
  }
  std::vector<std::string> take_events() { return std::exchange(events, {}); }

  BlockPool pool;
  Arena arena{pool};
  Sink sink;
  std::unique_ptr<H2ServerCodec> codec;
  H2Peer peer;
  std::vector<std::string> events;
  std::map<StreamId, std::size_t> got;  // bytes of bodies
  std::uint64_t now = 1;
  bool pauses = false;
};

using Events = std::vector<std::string>;
constexpr BodyFraming kFive{BodyKind::length, 5};

TEST_CASE("a request without a body and its answer") {
  Pair p;
  p.peer.request(kGet);
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"1 head GET /a ends"});
  CHECK(p.codec->busy());
  p.answer(1, 200, "hello", kFive);
  CHECK(p.peer.answers[1].head == "200 content-length=5|");
  CHECK(p.peer.answers[1].body == "hello");
  CHECK(p.peer.answers[1].ended);
  CHECK(p.peer.answers[1].reset == -1);
  CHECK(p.take_events() == Events{"1 closed"});
  CHECK_FALSE(p.codec->busy());
}

TEST_CASE("streams are answered in any order") {
  Pair p;
  for (int i = 0; i < 3; ++i) p.peer.request(kGet);
  CHECK(p.exchange());
  for (StreamId s : {5, 1, 3}) p.answer(s, 200, "hello", kFive);
  for (int s : {1, 3, 5}) CHECK(p.peer.answers[s].body == "hello");
}

TEST_CASE("bodies and trailers come in order") {
  Pair p;
  p.peer.trailers_at_end({{"x-sum", "1"}, {"authorization", "x"}});
  p.peer.request(kPost, "hello");
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"1 head POST /a", "1 body hello", "1 end x-sum=1"});
}

TEST_CASE("a paused body waits, and its end as well") {
  Pair p;
  p.pauses = true;
  p.peer.request(kPost, "hello");
  p.peer.request(kPost, "");
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"1 head POST /a", "3 head POST /a"});
  p.codec->resume_body(1);
  p.codec->resume_body(3);
  CHECK(p.feed({}));
  CHECK(p.take_events() == Events{"1 body hello", "1 end", "3 end"});
}

TEST_CASE("a paused body takes no more than its window, and others go on") {
  Pair p;
  p.pauses = true;
  std::string large(300'000, 'x');
  p.peer.request(kPost, large.c_str());
  CHECK(p.exchange());
  p.pauses = false;
  p.peer.request(kPost, large.c_str());
  CHECK(p.exchange());
  CHECK(p.got[1] == 0);
  CHECK(p.got[3] == large.size());
  CHECK(nghttp2_session_get_stream_remote_window_size(p.peer.session(), 1) == 0);
  p.codec->resume_body(1);
  CHECK(p.feed({}));
  CHECK(p.exchange());
  CHECK(p.got[1] == large.size());
}

TEST_CASE("what the client leaves no room for is queued, and said") {
  Pair p({}, 1000, false);
  p.peer.request(kGet);
  CHECK(p.exchange());
  p.take_events();
  ResponseHead head(p.arena);
  head.status = 200;
  head.body = {BodyKind::chunked, 0};
  p.codec->write_head(1, head, false, p.sink);
  p.codec->write_body(1, std::string(200'000, 'x'), p.sink);
  p.exchange();
  CHECK(p.codec->queued(1) == 199'000);
  CHECK(p.peer.answers[1].body.size() == 1000);
  CHECK(p.take_events().empty());
  nghttp2_submit_window_update(p.peer.session(), 0, 1, 190'000);
  nghttp2_submit_window_update(p.peer.session(), 0, 0, 190'000);
  p.exchange();
  CHECK(p.codec->queued(1) == 9'000);
  CHECK(p.take_events() == Events{"1 writable"});
}

TEST_CASE("a full sink gets nothing until it has room") {
  Pair p;
  p.peer.request(kGet);
  CHECK(p.exchange());
  p.sink.is_full = true;
  ResponseHead head(p.arena);
  head.status = 200;
  head.body = {BodyKind::chunked, 0};
  p.codec->write_head(1, head, false, p.sink);
  p.codec->write_body(1, std::string(100'000, 'x'), p.sink);
  p.codec->flush(p.sink);
  CHECK(p.sink.text.empty());
  p.sink.is_full = false;
  p.exchange();
  CHECK(p.peer.answers[1].body.size() == 100'000);
}

TEST_CASE("answers without a body end with their head") {
  const struct {
    const char* method;
    std::uint16_t status;
    BodyFraming body;
    std::string head;
  } cases[] = {
      {"HEAD", 200, kFive, "200 content-length=5|"},
      {"HEAD", 200, {BodyKind::chunked, 0}, "200 "},
      {"GET", 204, kFive, "204 "},
      {"GET", 304, kFive, "304 content-length=5|"},
      {"GET", 200, {BodyKind::length, 0}, "200 content-length=0|"},
      {"GET", 200, {BodyKind::none, 0}, "200 content-length=0|"},
  };
  for (const auto& test : cases) {
    Pair p;
    auto fields = kGet;
    fields[0].second = test.method;
    p.peer.request(fields);
    CHECK(p.exchange());
    p.answer(1, test.status, "", test.body);
    CHECK(p.peer.answers[1].head == test.head);
    CHECK(p.peer.answers[1].ended);
    CHECK(p.peer.answers[1].reset == -1);
  }
}

TEST_CASE("trailers go out behind the body, without what may not stand there") {
  Pair p;
  p.peer.request(kGet);
  CHECK(p.exchange());
  ResponseHead head(p.arena);
  head.status = 200;
  head.body = {BodyKind::chunked, 0};
  head.headers.add("Connection", "close");
  head.headers.add("X-Upper", "a");
  HeaderList trailers(p.arena);
  trailers.add("Grpc-Status", "0");
  trailers.add("Content-Type", "x");
  p.codec->write_head(1, head, true, p.sink);
  p.codec->write_body(1, "hello", p.sink);
  p.codec->write_end(1, &trailers, p.sink);
  p.codec->finish_stream(1);
  p.exchange();
  CHECK(p.peer.answers[1].head == "200 x-upper=a|");
  CHECK(p.peer.answers[1].body == "hello");
  CHECK(p.peer.answers[1].trailers == "grpc-status=0|");
  CHECK(p.peer.answers[1].ended);
}

TEST_CASE("an answer before the end of the request ends the stream without an error") {
  Pair p;
  p.peer.request(kPost, "abc", true);
  CHECK(p.exchange());
  p.answer(1, 413, "hello", kFive);
  CHECK(p.peer.answers[1].body == "hello");
  CHECK(p.peer.answers[1].reset == NGHTTP2_NO_ERROR);
  CHECK_FALSE(p.codec->busy());
}

TEST_CASE("an answer shorter than announced is broken off") {
  Pair p;
  p.peer.request(kGet);
  CHECK(p.exchange());
  p.answer(1, 200, "hel", kFive);
  CHECK(p.peer.answers[1].reset == NGHTTP2_INTERNAL_ERROR);
}

TEST_CASE("an answer's head larger than nghttp2 sends by itself goes out") {
  Pair p;
  p.peer.request(kGet);
  CHECK(p.exchange());
  ResponseHead head(p.arena);
  head.status = 200;
  for (int i = 0; i < 5; ++i) head.headers.add("Set-Cookie", std::string(13'200, 'x'));
  p.codec->write_head(1, head, false, p.sink);
  p.codec->finish_stream(1);
  p.exchange();
  CHECK(p.peer.answers[1].head.size() > 65'536);
  CHECK(p.peer.answers[1].ended);
}

TEST_CASE("an answer whose head cannot be sent ends its stream") {
  for (bool with_body : {false, true}) {
    H2ServerLimits limits;
    limits.most_head_sent = 1000;
    Pair p(limits);
    p.peer.request(kGet);
    CHECK(p.exchange());
    p.take_events();
    ResponseHead head(p.arena);
    head.status = 200;
    head.headers.add("X-Long", std::string(2000, 'x'));
    if (with_body) head.body = kFive;
    p.codec->write_head(1, head, false, p.sink);
    if (with_body) p.codec->write_body(1, "hello", p.sink);
    p.codec->finish_stream(1);
    p.exchange();
    CHECK(p.peer.answers[1].reset == NGHTTP2_INTERNAL_ERROR);
    CHECK(p.take_events() == Events{"1 closed"});
    CHECK_FALSE(p.codec->busy());
  }
}

TEST_CASE("a client that breaks a stream off is told of once") {
  Pair p;
  p.peer.request(kPost, "abc", true);
  CHECK(p.exchange());
  p.take_events();
  nghttp2_submit_rst_stream(p.peer.session(), 0, 1, NGHTTP2_CANCEL);
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"1 gave up"});
  p.answer(1, 200, "hello", kFive);  // too late, and harmless
  CHECK(p.take_events().empty());
}

TEST_CASE("malformed heads end their stream with PROTOCOL_ERROR before anybody hears of a request") {
  for (const auto& fields : {with(kGet, "connection", "x"), with(kGet, "host", "other"), with(kGet, "x", "a\r\nb: c"),
                             with(kGet, "te", "gzip"), with(kGet, "content-length", "3"), with(kGet, "x", " a")}) {
    Pair p;
    p.peer.request(fields);
    CHECK(p.exchange());
    CHECK(p.take_events() == Events{"1 broken"});
    CHECK(p.peer.answers[1].reset == NGHTTP2_PROTOCOL_ERROR);
  }
}

TEST_CASE("a request with malformed trailers never ends as if it were whole") {
  for (bool pauses : {false, true}) {
    Pair p;
    p.pauses = pauses;
    p.peer.trailers_at_end({{"x-sum", "a\r\nb: c"}});
    p.peer.request(kPost, "hello");
    CHECK(p.exchange());
    auto events = p.take_events();
    CHECK(std::find(events.begin(), events.end(), "1 end") == events.end());
    CHECK(events.back() == "1 broken");
    CHECK(p.peer.answers[1].reset == NGHTTP2_PROTOCOL_ERROR);
  }
}

TEST_CASE("a head may be as large as its limit, in however many CONTINUATIONs") {
  H2ServerLimits limits;
  limits.head.head_bytes = 1024 * 1024;
  Pair p(limits);
  auto large = kGet;
  for (int i = 0; i < 50; ++i) large.emplace_back("x", std::string(20'000, '~'));  // '~': longer in Huffman's code
  p.peer.request(large);
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"1 head GET /a ends"});
}

TEST_CASE("heads that are only not taken can be answered") {
  Pair p;
  p.peer.request(with(kGet, "expect", "x"));
  auto many = kGet;
  for (int i = 0; i < 101; ++i) many.emplace_back("x", "y");
  p.peer.request(many);
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"1 refused 417", "3 refused 431"});
  p.answer(3, 431, "hello", kFive);
  CHECK(p.peer.answers[3].head == "431 content-length=5|");
}

TEST_CASE("an extended CONNECT is an upgrade whose stream carries the other protocol") {
  Pair p;
  p.peer.request(kChat, "frames", true);
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"1 head GET /chat ends"});
  ResponseHead head(p.arena);
  head.status = 101;
  p.codec->write_head(1, head, false, p.sink);
  p.codec->resume_body(1);
  CHECK(p.feed({}));
  CHECK(p.take_events() == Events{"1 body frames"});
  p.codec->write_body(1, "answer", p.sink);
  p.exchange();
  CHECK(p.peer.answers[1].head == "200 ");
  CHECK(p.peer.answers[1].body == "answer");
}

// RFC 9113 section 8.5.
TEST_CASE("fields on a tunnel break it off, and none of them is kept") {
  using namespace testing;
  Pair p;
  p.peer.request(kChat, nullptr, true);
  CHECK(p.exchange());
  p.take_events();
  CHECK(p.feed(frame(FrameType::headers, kEndStream, 1, fields({{"x-one", "1"}}))));
  p.arena.reset();
  Arena other(p.pool);  // takes the block
  auto theirs = other.array<char>(2000);
  std::fill(theirs.begin(), theirs.end(), 'o');
  CHECK(p.feed(frame(FrameType::continuation, kEndHeaders, 1, fields({{"x-two", "2"}, {"x-three", "3"}}))));
  CHECK(p.exchange());
  CHECK(std::all_of(theirs.begin(), theirs.end(), [](char c) { return c == 'o'; }));
  CHECK(p.take_events() == Events{"1 broken"});
  CHECK(p.peer.answers[1].reset == NGHTTP2_PROTOCOL_ERROR);
  p.peer.request(kGet);  // the connection goes on
  CHECK(p.exchange());
  CHECK(p.take_events() == Events{"3 head GET /a ends"});
}

TEST_CASE("a drain lets the client hear before it says which stream was the last") {
  Pair p;
  p.peer.request(kGet);
  CHECK(p.exchange());
  p.codec->begin_goaway();
  p.codec->flush(p.sink);
  p.peer.receive(std::exchange(p.sink.text, {}));
  CHECK(p.peer.last_stream == 0x7fffffff);
  CHECK(p.exchange());  // its answer to the PING
  CHECK(p.peer.last_stream == 1);
  CHECK(p.peer.goaway == NGHTTP2_NO_ERROR);
  CHECK_FALSE(p.codec->over());
  p.answer(1, 200, "hello", kFive);
  CHECK(p.peer.answers[1].body == "hello");
  CHECK(p.codec->over());
}

TEST_CASE("what is no preface fails") {
  Pair p;
  auto codec = make_h2_server_codec(p, {});
  CHECK_FALSE(codec->feed("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
}

TEST_CASE("floods end the connection with ENHANCE_YOUR_CALM, and time forgives") {
  H2ServerLimits limits;
  limits.control_frames = 100;
  Pair p(limits);
  auto pings = [&](int count) {
    for (int i = 0; i < count; ++i) nghttp2_submit_ping(p.peer.session(), 0, nullptr);
    return p.exchange();
  };
  CHECK(pings(100));
  p.now += H2FloodGuard::kIntervalNs;
  CHECK(pings(100));
  CHECK_FALSE(pings(1));
  CHECK(p.codec->limit() == H2Limit::pings);
  CHECK(p.peer.goaway == NGHTTP2_ENHANCE_YOUR_CALM);
  CHECK_FALSE(p.codec->fault().empty());
}

TEST_CASE("rapid resets are counted against the streams that were opened") {
  H2FloodGuard guard(1000, 10);
  guard.set_now(1);
  for (int i = 0; i < 20; ++i) guard.stream_opened();
  for (int i = 0; i < 20; ++i) CHECK(guard.count(H2Limit::resets) == H2Limit::none);
  CHECK(guard.count(H2Limit::resets) == H2Limit::resets);
  for (int i = 0; i < 100; ++i) CHECK(guard.count(H2Limit::settings) == H2Limit::none);
  CHECK(guard.count(H2Limit::settings) == H2Limit::settings);
}

}  // namespace
}  // namespace postern::http
