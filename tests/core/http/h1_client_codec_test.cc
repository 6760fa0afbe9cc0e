// The client side of HTTP/1: which answers of an upstream are taken, and when its connection can be used again.
#include "http/h1_client_codec.h"

#include <doctest/doctest.h>

#include "core/http/recorders.h"

namespace postern::http::testing {
namespace {

using namespace std::string_view_literals;

enum class After : std::uint8_t { reusable, spent };

struct Good {
  std::string_view what;
  std::string_view method;
  std::string_view bytes;
  std::string_view events;
  After after = After::reusable;
};

const Good kGood[] = {
    {"a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nhi",
     "head 200 OK 2 [X: y]\nbody hi\nend\n"},
    {"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "head 200  0 ends\n"},
    {"an empty reason", "GET", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "head 200  0 ends\n"},
    {"an unusual status", "GET", "HTTP/1.1 799 Odd one\r\nContent-Length: 0\r\n\r\n", "head 799 Odd one 0 ends\n"},
    {"chunks and trailers", "GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x\r\n!\r\n0\r\nT: 1\r\nSet-Cookie: a\r\n\r\n",
     "head 200 OK chunked\nbody hi!\nend [T: 1]\n"},
    {"until it closes", "GET", "HTTP/1.1 200 OK\r\n\r\nabc", "head 200 OK until_close\nbody abc\nend\neof\n",
     After::spent},
    {"until it closes, and empty", "GET", "HTTP/1.0 200 OK\r\n\r\n", "head 200 OK until_close close\nend\neof\n",
     After::spent},
    {"Connection: close", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
     "head 200 OK 2 close\nbody hi\nend\n", After::spent},
    {"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "head 200 OK 2 close\nbody hi\nend\n",
     After::spent},
    {"HTTP/1.0 with keep-alive", "GET",
     "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nhi",
     "head 200 OK 2\nbody hi\nend\n"},
    {"HEAD keeps the length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "head 200 OK 2 ends\n"},
    {"HEAD, chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "head 200 OK chunked ends\n"},
    {"HEAD without framing", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", "head 200 OK until_close ends\n"},
    {"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "head 204 No Content until_close ends\n"},
    {"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n",
     "head 304 Not Modified 7 ends [ETag: x]\n"},
    {"interim responses", "GET",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "1\r\n\r\nx",
     "interim 100\ninterim 103 [Link: </a>]\nhead 200 OK 1\nbody x\nend\n"},
    {"hop-by-hop fields go", "GET",
     "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
     "head 200 OK 0 ends\n"},
};

After play(const Good& good, ClientRecorder& client, std::size_t piece) {
  client.request(good.method);
  client.feed(good.bytes, piece);
  if (good.events.ends_with("eof\n")) client.feed_eof();
  return client.finish() ? After::reusable : After::spent;
}

TEST_CASE("good responses are understood, however the bytes come") {
  for (const auto& good : kGood) {
    CAPTURE(good.what);
    for (std::size_t piece = 1; piece <= good.bytes.size(); ++piece) {
      for (bool pauses : {false, true}) {
        ClientRecorder client;
        client.pauses = pauses;
        CHECK(play(good, client, piece) == good.after);
        CHECK(client.text() == good.events);
      }
    }
  }
}

struct Bad {
  std::string_view what;
  std::string_view bytes;
};

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

const Bad kBad[] = {
    {"garbage", "hello\r\n\r\n"},
    {"HTTP/0.9", "<html>\r\n</html>\r\n\r\n"},
    {"an empty line first", "\r\n" OK "Content-Length: 0\r\n\r\n"},
    {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"},
    {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"},
    {"a lower-case version", "http/1.1 200 OK\r\n\r\n"},
    {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"},
    {"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"},
    {"a status below 100", "HTTP/1.1 099 OK\r\n\r\n"},
    {"no status", "HTTP/1.1\r\n\r\n"},
    {"two spaces", "HTTP/1.1  200 OK\r\n\r\n"},
    {"a control in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n"},
    {"LF behind the status line", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"},
    {"LF behind a field", OK "Content-Length: 0\n\r\n"},
    {"LF as the empty line", OK "Content-Length: 0\r\n\n"},
    {"CR in a value", OK "X: a\rb\r\n\r\n"},
    {"folding", OK "X: a\r\n b\r\n\r\n"},
    {"space before the colon", OK "Content-Length : 0\r\n\r\n"},
    {"no name", OK ": x\r\n\r\n"},
    {"length and coding", OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"coding and length", OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
    {"two lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"},
    {"two lengths in one field", OK "Content-Length: 5, 6\r\n\r\nhello!"},
    {"a signed length", OK "Content-Length: +5\r\n\r\nhello"},
    {"a length of 20 digits", OK "Content-Length: 10000000000000000000\r\n\r\n"},
    {"an empty length", OK "Content-Length:\r\n\r\n"},
    {"an unknown coding", OK "Transfer-Encoding: gzip\r\n\r\n"},
    {"chunked before another coding", OK "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
    {"chunked twice", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"a bad chunk size", CHUNKED "5 \r\nhello\r\n0\r\n\r\n"},
    {"an extension without a name", CHUNKED "5;\r\nhello\r\n0\r\n\r\n"},
    {"an extension with a malformed name", CHUNKED "5;bad[=x\r\nhello\r\n0\r\n\r\n"},
    {"a size of 17 digits", CHUNKED "00000000000000005\r\nhello\r\n0\r\n\r\n"},
    {"a size over 64 bits", CHUNKED "10000000000000000\r\n"},
    {"a chunk longer than its size", CHUNKED "4\r\nhello\r\n0\r\n\r\n"},
    {"a bad trailer", CHUNKED "0\r\nX y: z\r\n\r\n"},
    {"a 101 that nobody asked for",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"},
    {"bytes behind a length", OK "Content-Length: 5\r\n\r\nhello!"},
    {"bytes behind the last chunk", CHUNKED "0\r\n\r\nx"},
    {"bytes behind a 204", "HTTP/1.1 204 No Content\r\n\r\nx"},
    {"a second response", OK "Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"an interim response behind the last", OK "Content-Length: 0\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"},
};

TEST_CASE("a response that lies is an error of the upstream, wherever its bytes are split") {
  for (const auto& bad : kBad) {
    CAPTURE(bad.what);
    std::string whole;
    for (std::size_t piece = bad.bytes.size(); piece > 0; --piece) {
      ClientRecorder client;
      client.request("GET");
      client.feed(bad.bytes, piece);
      CHECK(client.failed);
      CHECK(client.error.code == ErrorCode::proxy_error);
      CHECK(client.error.origin == Origin::upstream);
      CHECK(!client.finish());
      if (whole.empty()) whole = client.text();
      CHECK(client.text() == whole);
    }
  }
}

TEST_CASE("a body of an answer to HEAD is an error") {
  ClientRecorder client;
  client.request("HEAD");
  client.feed(OK "Content-Length: 2\r\n\r\nhi");
  CHECK(client.text() == "head 200 OK 2 ends\nerror 502\n");
}

TEST_CASE("an upstream that closes early is an error") {
  for (std::string_view bytes : {"HTTP", OK, OK "Content-Length: 2\r\n\r\nh", CHUNKED "2\r\nh", CHUNKED "2\r\nhi\r\n",
                                 CHUNKED "0\r\n", CHUNKED "0\r\nX: y\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    CAPTURE(bytes);
    ClientRecorder client;
    client.request("GET");
    client.feed(bytes);
    client.feed_eof();
    CHECK(client.failed);
    CHECK(!client.finish());
  }
}

TEST_CASE("a head that is too large is an error of the upstream") {
  HeadLimits limits;
  limits.head_bytes = 100;
  limits.request_line_bytes = 10;  // not for responses
  ClientRecorder client(limits);
  client.request("GET");
  client.feed("HTTP/1.1 200 A long reason\r\nContent-Length: 0\r\n\r\n");
  CHECK(!client.failed);
  CHECK(client.finish());
  client.request("GET");
  client.feed("HTTP/1.1 200 OK\r\nX: " + std::string(100, 'x'));
  CHECK(client.error.code == ErrorCode::proxy_error);
}

TEST_CASE("interim responses are bounded") {
  ClientRecorder client;
  client.request("GET");
  for (int i = 0; i < 16; ++i) client.feed("HTTP/1.1 102 Processing\r\n\r\n");
  CHECK(!client.failed);
  client.feed("HTTP/1.1 102 Processing\r\n\r\n");
  CHECK(client.failed);
}

TEST_CASE("an upgrade that was asked for becomes a tunnel") {
  ClientRecorder client;
  client.request("GET", true);
  CHECK(client.out.bytes == "GET / HTTP/1.1\r\nHost: u\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  client.feed(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
      "\x81\0raw"sv);
  client.feed_eof();
  CHECK(client.text() ==
        "head 101 Switching Protocols until_close close upgrade=websocket\nbody \x81"
        "\0raw\nend\neof\n"sv);
}

TEST_CASE("one connection carries one exchange after another") {
  ClientRecorder client;
  for (int i = 0; i < 3; ++i) {
    client.request("GET");
    client.feed(OK "Content-Length: 2\r\n\r\nhi");
    CHECK(client.finish());
    CHECK(!client.finish());  // once
  }
  CHECK(client.current == 3);
}

TEST_CASE("a request without a body needs no end to be whole") {
  for (BodyFraming framing : {BodyFraming{}, BodyFraming{BodyKind::length, 0}}) {
    ClientRecorder client;
    RequestHead head(client.arena);
    head.method = "GET";
    head.target = "/";
    head.body = framing;
    client.current = client.codec->write_head(head, client.out);
    client.feed(OK "Content-Length: 0\r\n\r\n");
    CHECK(client.finish());
  }
}

TEST_CASE("bytes on an idle connection are an error") {
  ClientRecorder fresh, used;
  fresh.feed("HTTP/1.1 200 OK\r\n");
  CHECK(fresh.failed);
  used.request("GET");
  used.feed(OK "Content-Length: 0\r\n\r\n");
  CHECK(used.finish());
  used.feed("H");
  CHECK(used.failed);
}

TEST_CASE("a response before the request was sent leaves the connection spent") {
  ClientRecorder client;
  RequestHead head(client.arena);
  head.method = "POST";
  head.target = "/";
  head.body = {BodyKind::length, 5};
  client.current = client.codec->write_head(head, client.out);
  client.codec->write_body(client.current, "he", client.out);
  client.feed("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  CHECK(!client.failed);
  CHECK(!client.finish());
}

TEST_CASE("an exchange given up in the middle leaves the connection spent") {
  ClientRecorder client;
  client.request("GET");
  client.feed(OK "Content-Length: 5\r\n\r\nhe");
  CHECK(!client.finish());
}

// Finishes inside the event that ends the response: what follows in the same read must not become the next answer.
TEST_CASE("finishing inside the last event sees the bytes behind it") {
  struct Finisher final : ClientEvents {
    Arena& on_response_begin(StreamId) override { return arena; }
    void on_informational(StreamId, ResponseHead&) override {}
    void on_response_head(StreamId stream, ResponseHead&, bool ends) override {
      if (ends) reusable = codec->finish_stream(stream);
    }
    void on_response_body(StreamId, std::string_view) override {}
    void on_response_end(StreamId stream, HeaderList*) override { reusable = codec->finish_stream(stream); }
    BlockPool pool;
    Arena arena{pool};
    StringSink out;
    bool reusable = false;
    std::unique_ptr<ClientCodec> codec = make_h1_client_codec(*this, {});
  };
  for (std::string_view response :
       {OK "Content-Length: 0\r\n\r\n", OK "Content-Length: 2\r\n\r\nhi", CHUNKED "0\r\n\r\n"}) {
    for (std::string_view rest : {"", "HTTP/1.1 200 OK\r\n"}) {
      Finisher client;
      RequestHead head(client.arena);
      head.method = "GET";
      head.target = "/";
      auto stream = client.codec->write_head(head, client.out);
      client.codec->write_end(stream, nullptr, client.out);
      CHECK(client.codec->feed(std::string(response) + std::string(rest)));
      CHECK(client.reusable == rest.empty());
    }
  }
}

#undef OK
#undef CHUNKED

}  // namespace
}  // namespace postern::http::testing
