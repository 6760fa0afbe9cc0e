// The client side of HTTP/2: which answers of an upstream are taken, how bodies wait, and how streams end.
#include "http/h2_client_codec.h"

#include <doctest/doctest.h>

#include "core/http/h2_client_recorder.h"

namespace postern::http::testing {
namespace {

const std::string kSettings = frame(FrameType::settings, 0, 0);

// Connected, with nothing told or sent that a test has not asked for.
struct Client final : H2ClientRecorder {
  explicit Client(const std::string& settings = {}, const H2ClientOptions& options = {})
      : H2ClientRecorder({}, options) {
    feed(frame(FrameType::settings, 0, 0, settings) + frame(FrameType::settings, kAck, 0));
    told();
    sent();
  }
};

std::string max_streams(std::uint32_t most) { return setting(3, most); }
std::string initial_window(std::uint32_t bytes) { return setting(4, bytes); }

TEST_CASE("the connection begins with the preface, and the upstream's settings tell its limit") {
  H2ClientRecorder client;
  CHECK(client.out.bytes.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  CHECK(client.sent() == "window_update 0 983041");
  client.feed(frame(FrameType::settings, 0, 0, max_streams(7)));
  CHECK(client.told() == "limit 7\n");
  client.feed(frame(FrameType::settings, 0, 0, max_streams(7)) + frame(FrameType::settings, kAck, 0));
  CHECK(client.told() == "");
  client.feed(frame(FrameType::settings, 0, 0, max_streams(3)));
  CHECK(client.told() == "limit 3\n");
}

TEST_CASE("responses are told stream by stream, however their bytes come") {
  std::string bytes =
      headers(3, {{":status", "103"}, {"link", "</a>"}}) + headers(1, {{":status", "200"}, {"x", "y"}}) +
      headers(3, {{":status", "404"}, {"content-length", "2"}}) + data(1, "a") + data(3, "no", true) + data(1, "b") +
      headers(1, {{"t", "1"}, {"content-type", "evil"}}, true) + headers(5, {{":status", "204"}}, true);
  for (std::size_t piece = 1; piece <= bytes.size(); piece += piece < 20 ? 1 : 13) {
    Client client;
    for (int i = 0; i < 3; ++i) client.request();
    CHECK(client.sent() == "headers 1 ends, headers 3 ends, headers 5 ends");
    client.feed(bytes, piece);
    CHECK_FALSE(client.failed);
    std::string told = client.told();
    if (piece == bytes.size()) {
      CHECK(told ==
            "3 interim 103 [link: </a>]\n1 head 200 chunked [x: y]\n3 head 404 2\n1 body a\n3 body no\n3 end\n"
            "1 body b\n1 end [t: 1]\n5 head 204 none ends\n");
    }
    CHECK(told.ends_with("1 end [t: 1]\n5 head 204 none ends\n"));
    for (StreamId s : {1, 3, 5}) CHECK(client.codec->finish_stream(s));
    CHECK(client.sent() == "");
  }
}

TEST_CASE("a request's body and trailers go out as far as the windows reach") {
  Client client(initial_window(10));
  auto s = client.request("POST", {BodyKind::chunked, 0});
  client.codec->write_body(s, "hello", client.out);
  CHECK(client.sent() == "headers 1, data 1 5");
  client.codec->write_body(s, "hello world", client.out);
  CHECK(client.sent() == "data 1 5");
  CHECK(client.codec->queued(s) == 6);
  HeaderList trailers(client.arena);
  trailers.add("X-Sum", "1");
  client.codec->write_end(s, &trailers, client.out);
  CHECK(client.sent() == "");
  client.feed(window_update(s, 4));
  CHECK(client.sent() == "data 1 4");
  client.feed(window_update(s, 4));
  CHECK(client.sent() == "data 1 2, headers 1 ends");
  CHECK(client.codec->queued(s) == 0);
  client.codec->write_body(s, "too late", client.out);
  CHECK(client.sent() == "");
}

TEST_CASE("who wrote too much hears when there is room again") {
  Client client(initial_window(0));
  auto s = client.request("POST", {BodyKind::chunked, 0});
  client.codec->write_body(s, std::string(ClientCodec::kStreamQueue + 1, 'x'), client.out);
  CHECK(client.codec->queued(s) == ClientCodec::kStreamQueue + 1);
  client.feed(window_update(s, 1024));
  CHECK(client.told() == "");
  client.feed(window_update(s, ClientCodec::kStreamQueue));  // the connection's own window ends a little before
  CHECK(client.told() == "1 writable\n");
  CHECK(client.codec->queued(s) < 16 * 1024);
}

TEST_CASE("a paused response is held back, and its window with it") {
  Client client({}, {.stream_window = 1000});
  client.request();
  client.request();
  client.sent();
  client.pauses = true;
  client.feed(headers(1, {{":status", "200"}}) + data(1, std::string(600, 'x')) + data(1, std::string(300, 'y'), true));
  CHECK(client.told() == "1 head 200 chunked\n");
  CHECK(client.sent() == "");
  client.feed(headers(3, {{":status", "200"}}, true));  // others go on
  CHECK(client.told() == "3 head 200 none ends\n");
  CHECK(client.codec->response_came(1));
  client.codec->resume_body(1);
  CHECK(client.told() == "1 body 900 bytes\n");
  client.pauses = false;
  client.codec->resume_body(1);
  CHECK(client.told() == "1 end\n");
  CHECK(client.codec->finish_stream(1));
}

TEST_CASE("what is held back is counted until it is taken, or nobody wants it any more") {
  std::int64_t total = 7;
  {
    Client client({}, {.held_total = &total});
    for (int i = 0; i < 3; ++i) client.request();
    client.pauses = true;
    for (StreamId s : {1, 3, 5}) client.feed(headers(s, {{":status", "200"}}) + data(s, std::string(100, 'x')));
    CHECK(total == 307);
    client.codec->resume_body(1);
    CHECK(total == 207);
    client.codec->finish_stream(3);
    CHECK(total == 107);
  }
  CHECK(total == 7);
}

TEST_CASE("a ping asks, and its answer tells nobody anything") {
  Client client;
  client.codec->ping();
  CHECK(client.sent() == "ping");
  client.feed(frame(FrameType::ping, kAck, 0, std::string(8, '\0')));
  CHECK(client.told() == "");
  CHECK(client.sent() == "");
}

TEST_CASE("the scheme is the connection's") {
  constexpr char kHttp = '\x86', kHttps = '\x87';  // RFC 7541 appendix A
  Client plain, secure({}, {.scheme = "https"});
  plain.request();
  secure.request();
  CHECK(plain.out.bytes.find(kHttp) != std::string::npos);
  CHECK(secure.out.bytes.find(kHttps) != std::string::npos);
  CHECK(secure.out.bytes.find(kHttp) == std::string::npos);
}

TEST_CASE("taken bytes give their window back") {
  Client client({}, {.stream_window = 1000});
  client.request();
  client.sent();
  client.feed(headers(1, {{":status", "200"}}) + data(1, std::string(600, 'x')));
  CHECK(client.sent() == "window_update 1 600");
}

TEST_CASE("an upstream that heeds no window is reset") {
  Client client({}, {.stream_window = 1000});
  client.request();
  client.sent();
  client.pauses = true;
  client.feed(headers(1, {{":status", "200"}}) + data(1, std::string(600, 'x')) + data(1, std::string(600, 'x')));
  CHECK(client.told() == "1 head 200 chunked\n1 reset malformed\n");
  CHECK(client.sent() == "rst_stream 1 3");
}

TEST_CASE("finishing an unfinished stream resets it, and nothing more is told of it") {
  Client client;
  client.request("POST", {BodyKind::chunked, 0});
  client.sent();
  client.feed(headers(1, {{":status", "200"}}));
  client.told();
  CHECK(client.codec->finish_stream(1));
  CHECK(client.sent() == "rst_stream 1 8");
  client.feed(data(1, "late", true));
  CHECK(client.told() == "");
  CHECK_FALSE(client.failed);
}

TEST_CASE("resets say who is to blame, and whether the request was looked at") {
  const struct {
    std::uint32_t code;
    std::string_view told;
  } cases[] = {
      {7, "1 reset unprocessed\n"}, {8, "1 reset by_peer\n"}, {2, "1 reset by_peer\n"}, {0, "1 reset by_peer\n"}};
  for (auto [code, told] : cases) {
    Client client;
    client.request();
    client.feed(frame(FrameType::rst_stream, 0, 1, big_endian(code)));
    CHECK(client.told() == told);
    CHECK(client.codec->finish_stream(1));
  }
}

TEST_CASE("what is held back of a response that was reset is told to nobody") {
  std::int64_t total = 0;
  Client client({}, {.held_total = &total});
  client.request();
  client.pauses = true;
  client.feed(headers(1, {{":status", "200"}}) + data(1, "held") + frame(FrameType::rst_stream, 0, 1, big_endian(8)));
  CHECK(client.told() == "1 head 200 chunked\n1 reset by_peer\n");
  CHECK(total == 0);
  client.codec->resume_body(1);
  CHECK(client.told() == "");
}

TEST_CASE("a reset behind the whole response changes nothing") {
  Client client;
  client.request("POST", {BodyKind::chunked, 0});
  client.feed(headers(1, {{":status", "413"}}, true) + frame(FrameType::rst_stream, 0, 1, big_endian(0)));
  CHECK(client.told() == "1 head 413 none ends\n");
  client.sent();
  client.codec->write_body(1, "for nobody", client.out);
  client.codec->write_end(1, nullptr, client.out);
  CHECK(client.codec->finish_stream(1));
  CHECK(client.sent() == "");
}

TEST_CASE("GOAWAY ends what was not looked at, and lets the others finish") {
  Client client;
  client.finishes = true;
  for (int i = 0; i < 3; ++i) client.request();
  client.feed(frame(FrameType::goaway, 0, 0, big_endian(1) + big_endian(0)));
  CHECK(client.told() == "limit 0\n3 reset unprocessed\n5 reset unprocessed\n");
  client.feed(headers(1, {{":status", "200"}}) + data(1, "x", true));
  CHECK(client.told() == "1 head 200 chunked\n1 body x\n1 end\n");
  CHECK_FALSE(client.failed);
  CHECK_FALSE(client.codec->finish_stream(1));  // no other request
}

TEST_CASE("a head larger than nghttp2 sends by itself goes out") {
  Client client;
  client.request("GET", {}, "/", std::string(200'000, 'x'));
  CHECK(client.sent().starts_with("headers 1 ends, continuation 1"));
  CHECK_FALSE(client.codec->owes_events());
}

TEST_CASE("a head that is not sent is told, though nothing is read") {
  Client late;
  late.request();
  late.feed(frame(FrameType::goaway, 0, 0, big_endian(1) + big_endian(0)));
  late.told();
  CHECK_FALSE(late.codec->owes_events());
  late.request("POST", {BodyKind::chunked, 0});
  CHECK(late.told() == "");  // never inside the call
  CHECK(late.codec->owes_events());
  CHECK(late.codec->feed(""));
  CHECK(late.told() == "3 reset unprocessed\n");
  CHECK_FALSE(late.codec->owes_events());

  Client large({}, {.most_head_sent = 1000});
  large.request("GET", {}, "/", std::string(2000, 'x'));
  CHECK(large.codec->owes_events());
  CHECK(large.codec->feed(""));
  CHECK(large.told() == "1 reset by_peer\n");  // it would be the same on any connection
  CHECK(large.last.text == "the request's head is too large to be sent");
}

TEST_CASE("trailers that are too large to be sent end their stream") {
  Client client({}, {.most_head_sent = 1000});
  client.request("POST", {BodyKind::chunked, 0});
  HeaderList trailers(client.arena);
  trailers.add("X-Long", std::string(2000, 'x'));
  client.codec->write_end(1, &trailers, client.out);
  CHECK(client.sent() == "headers 1, rst_stream 1 2");
  CHECK(client.codec->feed(""));
  CHECK(client.told() == "1 reset by_peer\n");
}

TEST_CASE("the end of the connection is an error while a response is due") {
  Client client;
  CHECK(client.codec->feed_eof());
  client.request();
  CHECK_FALSE(client.codec->feed_eof());
}

struct Lie {
  std::string_view what;
  std::string bytes;
};

TEST_CASE("a response that lies ends its stream, and no other") {
  const std::string ok = headers(1, {{":status", "200"}});
  const Lie lies[] = {
      {"no status", headers(1, {{"x", "y"}})},
      {"a status of two digits", headers(1, {{":status", "20"}})},
      {"101", headers(1, {{":status", "101"}})},
      {"two statuses", headers(1, {{":status", "200"}, {":status", "200"}})},
      {"a status behind a field", headers(1, {{"x", "y"}, {":status", "200"}})},
      {"an unknown pseudo-field", headers(1, {{":status", "200"}, {":x", "y"}})},
      {"an interim response that ends", headers(1, {{":status", "100"}}, true)},
      {"an upper-case name", headers(1, {{":status", "200"}, {"X", "y"}})},
      {"an empty name", headers(1, {{":status", "200"}, {"", "y"}})},
      {"a line break", headers(1, {{":status", "200"}, {"x", "a\r\nb"}})},
      {"a space in front", headers(1, {{":status", "200"}, {"x", " y"}})},
      {"connection", headers(1, {{":status", "200"}, {"connection", "close"}})},
      {"transfer-encoding", headers(1, {{":status", "200"}, {"transfer-encoding", "chunked"}})},
      {"a length that is none", headers(1, {{":status", "200"}, {"content-length", "-1"}})},
      {"two lengths", headers(1, {{":status", "200"}, {"content-length", "1"}, {"content-length", "1"}})},
      {"a length without a body", headers(1, {{":status", "200"}, {"content-length", "1"}}, true)},
      {"less than the length", headers(1, {{":status", "200"}, {"content-length", "2"}}) + data(1, "x", true)},
      {"more than the length", headers(1, {{":status", "200"}, {"content-length", "2"}}) + data(1, "xyz")},
      {"a second head", ok + headers(1, {{":status", "200"}})},
      {"trailers with a status", ok + headers(1, {{":status", "200"}}, true)},
      {"trailers without an end", ok + headers(1, {{"x", "y"}})},
      {"trailers that frame", ok + headers(1, {{"content-length", "1"}}, true)},
      {"too much window", window_update(1, 0x7fffffff)},
  };
  for (const auto& lie : lies) {
    CAPTURE(lie.what);
    Client client;
    client.finishes = true;
    client.request("POST", {BodyKind::chunked, 0});
    client.request();
    client.sent();
    client.feed(lie.bytes);
    CHECK_FALSE(client.failed);
    CHECK(client.told().ends_with("1 reset malformed\n"));
    CHECK(client.sent().find("rst_stream 1 ") != std::string::npos);
    client.feed(headers(3, {{":status", "200"}}, true));
    CHECK(client.told() == "3 head 200 none ends\n");
  }
}

TEST_CASE("a connection that lies is over") {
  const Lie lies[] = {
      {"bad HPACK", frame(FrameType::headers, kEndHeaders, 1, "\xff\xff\xff\xff\xff\xff")},
      {"half a field", frame(FrameType::headers, kEndHeaders, 1, std::string("\0\x05", 2) + "ab")},
      {"a head on stream 0", headers(0, {{":status", "200"}})},
      {"a head on a stream of its own", headers(2, {{":status", "200"}})},
      {"a head for nobody", headers(77, {{":status", "200"}})},
      {"a promise", frame(FrameType::push_promise, kEndHeaders, 1, big_endian(2) + fields({{":method", "GET"}}))},
      {"a frame too large", frame(FrameType::data, 0, 1, std::string(16'385, 'x'))},
      {"too much padding", frame(FrameType::data, kPadded, 1,
                                 "\xff"
                                 "abc")},
      {"SETTINGS of five bytes", frame(FrameType::settings, 0, 0, "12345")},
      {"a bad setting", frame(FrameType::settings, 0, 0, setting(5, 1))},
      {"a connection window beyond its limit", window_update(0, 0x7fffffff)},
      {"CONTINUATION alone", frame(FrameType::continuation, kEndHeaders, 1, fields({{":status", "200"}}))},
      {"PING inside a head",
       frame(FrameType::headers, 0, 1, fields({{":status", "200"}})) + frame(FrameType::ping, 0, 0, "12345678")},
      {"data before the head", data(1, "x")},
      {"no window", window_update(1, 0)},
      {"HTTP/1", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
  };
  for (const auto& lie : lies) {
    CAPTURE(lie.what);
    Client client;
    client.request("POST", {BodyKind::chunked, 0});
    CHECK_FALSE(client.feed(lie.bytes));
    CHECK(client.last.code == ErrorCode::proxy_error);
    CHECK(client.last.origin == Origin::upstream);
    CHECK(client.told() == "");
    CHECK_FALSE(client.codec->finish_stream(1));
  }
}

TEST_CASE("a head has the limits of HTTP/1") {
  HeadLimits limits;
  limits.head_bytes = 1000;
  for (int values : {8, 12, 100, 5000}) {
    H2ClientRecorder client(limits);
    client.feed(kSettings);
    client.request();
    client.told();
    std::string block = fields({{":status", "200"}});
    for (int i = 0; i < values; ++i) block += fields({{"x", std::string(100, 'y')}});
    std::string bytes;
    for (std::size_t at = 0; at < block.size(); at += 10'000) {
      auto piece = block.substr(at, 10'000);
      std::uint8_t flags = at + piece.size() == block.size() ? kEndHeaders : 0;
      bytes += frame(at == 0 ? FrameType::headers : FrameType::continuation, flags, 1, piece);
    }
    client.feed(bytes);
    if (values == 8) CHECK(client.told().starts_with("1 head 200"));
    if (values > 8) CHECK((client.failed || client.told() == "1 reset malformed\n"));
  }
}

}  // namespace
}  // namespace postern::http::testing
