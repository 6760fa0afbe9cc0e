// The server side of HTTP/1: what is understood, in which pieces it may come, and how it is answered.
#include "http/h1_server_codec.h"

#include <doctest/doctest.h>

#include "core/http/recorders.h"

namespace postern::http::testing {
namespace {

struct Good {
  std::string_view what;
  std::string_view bytes;
  std::string_view events;
};

const Good kGood[] = {
    {"the smallest request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "head GET / HTTP/1.1 @a none [Host: a]\n"},
    {"names and values keep their spelling, without the space around",
     "GET /x?y=1 HTTP/1.1\r\nhOST:A:80\r\nX-a: \t b c \t\r\nE:\r\n\r\n",
     "head GET /x?y=1 HTTP/1.1 @a:80 none [hOST: A:80] [X-a: b c] [E: ]\n"},
    {"any method", "brew-TEA /pot HTTP/1.1\r\nHost: a\r\n\r\n", "head brew-TEA /pot HTTP/1.1 @a none [Host: a]\n"},
    {"methods that llhttp does not know", "LIST /1 HTTP/1.1\r\nHost: a\r\n\r\nQUERY /2 HTTP/1.1\r\nHost: a\r\n\r\n",
     "head LIST /1 HTTP/1.1 @a none [Host: a]\nhead QUERY /2 HTTP/1.1 @a none [Host: a]\n"},
    {"high bytes in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n",
     "head GET / HTTP/1.1 @a none [Host: a] [X: \xc3\xa9]\n"},
    {"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "head GET / HTTP/1.1 @a none [Host: a]\n"},
    {"a body with a length", "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
     "head POST /p HTTP/1.1 @a 5 [Host: a]\nbody hello\nend\n"},
    {"a length of zero ends at the head", "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
     "head POST /p HTTP/1.1 @a 0 [Host: a]\n"},
    {"space behind a length", "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1 \r\n\r\nx",
     "head POST /p HTTP/1.1 @a 1 [Host: a]\nbody x\nend\n"},
    {"chunks",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00a\r\n, world !!\r\n0\r\n\r\n",
     "head PUT / HTTP/1.1 @a chunked [Host: a]\nbody hello, world !!\nend\n"},
    {"chunk extensions mean nothing",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;a;b=c;d=\"x;\\\"y\"\r\nok\r\n0;last\r\n\r\n",
     "head PUT / HTTP/1.1 @a chunked [Host: a]\nbody ok\nend\n"},
    {"trailers, without those that may not come so late",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\nx\r\n0\r\nX-Sum: "
     "7\r\n"
     "authorization: b\r\nHost: b\r\n\r\n",
     "head PUT / HTTP/1.1 @a chunked [Host: a]\nbody x\nend [X-Sum: 7]\n"},
    {"several requests, answered in order",
     "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 "
     "HTTP/1.1\r\nHost: a\r\n\r\n",
     "head GET /1 HTTP/1.1 @a none [Host: a]\nhead POST /2 HTTP/1.1 @a 2 [Host: a]\nbody hi\nend\n"
     "head GET /3 HTTP/1.1 @a none [Host: a]\n"},
    {"nothing is read after the last request",
     "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
     "head GET /1 HTTP/1.1 @a none close [Host: a]\nclosed\n"},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", "head GET / HTTP/1.0 @ none close\nclosed\n"},
    {"HTTP/1.0 may keep the connection",
     "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\nHost: b\r\n\r\n",
     "head GET / HTTP/1.0 @ none\nhead GET /2 HTTP/1.0 @b none close [Host: b]\nclosed\n"},
    {"hop-by-hop fields go, and those that Connection names",
     "GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nConnection: x-one, Host ,,TE\r\nKeep-Alive: 5\r\nTE: "
     "trailers\r\nProxy-Connection: close\r\n"
     "Upgrade: h2c\r\nX-Two: 2\r\n\r\n",
     "head GET / HTTP/1.1 @a none [Host: a] [X-Two: 2]\n"},
    {"an upgrade is told, and the request stays a plain one",
     "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\nGET /2 "
     "HTTP/1.1\r\nHost: a\r\n\r\n",
     "head GET / HTTP/1.1 @a none upgrade=websocket [Host: a]\nhead GET /2 HTTP/1.1 @a none [Host: a]\n"},
    {"an upgrade with a body",
     "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi",
     "head POST / HTTP/1.1 @a 2 upgrade=h2c [Host: a]\nbody hi\nend\n"},
    {"100-continue is awaited", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi",
     "head POST / HTTP/1.1 @a 2 expect [Host: a]\nbody hi\nend\n"},
    {"100-continue without a body", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
     "head GET / HTTP/1.1 @a none [Host: a]\n"},
    {"expectations of HTTP/1.0 mean nothing", "GET / HTTP/1.0\r\nExpect: x\r\n\r\n",
     "head GET / HTTP/1.0 @ none close\nclosed\n"},
    {"absolute target", "GET http://EXample.com:80/a?b HTTP/1.1\r\nHost: example.COM:80\r\n\r\n",
     "head GET /a?b HTTP/1.1 @example.com:80 none [Host: example.COM:80]\n"},
    {"absolute target without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
     "head GET / HTTP/1.1 @a none [Host: a]\n"},
    {"absolute target in HTTP/1.0", "GET http://A/ HTTP/1.0\r\n\r\n",
     "head GET / HTTP/1.0 @a none close [Host: a]\nclosed\n"},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "head OPTIONS * HTTP/1.1 @a none [Host: a]\n"},
    {"OPTIONS * in absolute form", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
     "head OPTIONS * HTTP/1.1 @a none [Host: a]\n"},
    {"the path is normalised", "GET /a/../%7Eb//c%2fd HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
     "head GET /~b/c%2Fd HTTP/1.1 @[::1]:8080 none [Host: [::1]:8080]\n"},
};

std::string events_of(std::string_view bytes, std::size_t piece, bool pauses = false) {
  ServerRecorder server;
  server.pauses = pauses;
  server.feed(bytes, piece);
  return server.text();
}

TEST_CASE("good requests are understood") {
  for (const auto& good : kGood) {
    CAPTURE(good.what);
    CHECK(events_of(good.bytes, good.bytes.size()) == good.events);
  }
}

TEST_CASE("the events do not depend on how the bytes come") {
  for (const auto& good : kGood) {
    CAPTURE(good.what);
    for (std::size_t piece = 1; piece < good.bytes.size(); ++piece) CHECK(events_of(good.bytes, piece) == good.events);
    for (std::size_t first = 1; first < good.bytes.size(); ++first) {
      ServerRecorder server;
      server.feed(good.bytes.substr(0, first));
      server.feed(good.bytes.substr(first));
      CHECK(server.text() == good.events);
    }
  }
}

TEST_CASE("pausing after each piece of body changes nothing") {
  for (const auto& good : kGood) {
    CAPTURE(good.what);
    for (std::size_t piece : {std::size_t{1}, std::size_t{3}, good.bytes.size()})
      CHECK(events_of(good.bytes, piece, true) == good.events);
  }
}

TEST_CASE("a second request waits until the first is answered") {
  constexpr std::string_view kFirst = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  constexpr std::string_view kSecond = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  ServerRecorder server;
  server.answers = false;
  auto taken = server.codec->feed(std::string(kFirst) + std::string(kSecond));
  REQUIRE(taken);
  CHECK(*taken == kFirst.size());
  CHECK(server.wire_bytes == kFirst.size());
  CHECK(*server.codec->feed(kSecond) == 0);
  CHECK(server.codec->busy());
  server.answer();
  CHECK(!server.codec->busy());
  CHECK(*server.codec->feed(kSecond) == kSecond.size());
  CHECK(server.target == "/2");
  CHECK(server.current == 2);
}

TEST_CASE("a paused body waits, and the rest is taken after it is resumed") {
  ServerRecorder server;
  server.pauses = true;
  std::string_view head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string_view first = "2\r\nab", rest = "\r\n2\r\ncd\r\n0\r\n\r\n";
  CHECK(*server.codec->feed(std::string(head) + std::string(first) + std::string(rest)) == head.size() + first.size());
  CHECK(*server.codec->feed(rest) == 0);
  server.codec->resume_body(1);
  CHECK(*server.codec->feed(rest) == std::string_view("\r\n2\r\ncd").size());
  server.codec->resume_body(1);
  CHECK(*server.codec->feed("\r\n0\r\n\r\n") == 7);
  CHECK(server.text().ends_with("body abcd\nend\n"));
}

TEST_CASE("the end of a body of known length does not wait for another byte") {
  ServerRecorder server;
  server.pauses = true;
  server.answers = false;
  server.feed("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(server.text().ends_with("body hi\nend\n"));
}

TEST_CASE("a client that closes") {
  const struct {
    std::string_view what, bytes;
    bool good;
  } cases[] = {
      {"at once", "", true},
      {"after an empty line", "\r\n", true},
      {"in a request line", "GET", false},
      {"in a head", "GET / HTTP/1.1\r\nHost: a\r\n", false},
      {"in a body", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh", false},
      {"in a chunk", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nh", false},
      {"before the trailers end", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", false},
      {"when its request is complete", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
  };
  for (const auto& test : cases) {
    CAPTURE(test.what);
    ServerRecorder server;
    server.answers = false;
    server.feed(test.bytes);
    server.feed_eof();
    CHECK(server.failed == !test.good);
  }
}

TEST_CASE("the connection is busy from the first byte of a request to the end of its answer") {
  ServerRecorder server;
  server.answers = false;
  CHECK(!server.codec->busy());
  server.feed("\r\n");
  CHECK(!server.codec->busy());
  server.feed("G");
  CHECK(server.codec->busy());
  server.feed("ET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(server.codec->busy());
  server.answer();
  CHECK(!server.codec->busy());
}

// How one request is answered; the request's version and method, and what the response head says of its body.
struct Answer {
  std::string_view what;
  std::string_view request;
  std::uint16_t status;
  BodyFraming body;
  std::string_view bytes;  // what goes out, without the status line
  bool reusable;
};

const Answer kAnswers[] = {
    {"a length", "GET / HTTP/1.1", 200, {BodyKind::length, 2}, "Content-Length: 2\r\n\r\nhi", true},
    {"no body", "GET / HTTP/1.1", 200, {}, "Content-Length: 0\r\n\r\n", true},
    {"chunked",
     "GET / HTTP/1.1",
     200,
     {BodyKind::chunked, 0},
     "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: 1\r\n\r\n",
     true},
    {"until the upstream closes",
     "GET / HTTP/1.1",
     200,
     {BodyKind::until_close, 0},
     "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: 1\r\n\r\n",
     true},
    {"HEAD, a length", "HEAD / HTTP/1.1", 200, {BodyKind::length, 2}, "Content-Length: 2\r\n\r\n", true},
    {"HEAD, chunked", "HEAD / HTTP/1.1", 200, {BodyKind::chunked, 0}, "\r\n", true},
    {"HEAD, nothing known", "HEAD / HTTP/1.1", 200, {}, "\r\n", true},
    {"HEAD of 204", "HEAD / HTTP/1.1", 204, {BodyKind::length, 2}, "\r\n", true},
    {"204 has no body and no length", "GET / HTTP/1.1", 204, {BodyKind::length, 2}, "\r\n", true},
    {"304 keeps the length alone", "GET / HTTP/1.1", 304, {BodyKind::length, 2}, "Content-Length: 2\r\n\r\n", true},
    {"304, nothing known", "GET / HTTP/1.1", 304, {BodyKind::chunked, 0}, "\r\n", true},
    {"shorter than announced", "GET / HTTP/1.1", 200, {BodyKind::length, 3}, "Content-Length: 3\r\n\r\nhi", false},
    {"longer than announced", "GET / HTTP/1.1", 200, {BodyKind::length, 1}, "Content-Length: 1\r\n\r\nh", false},
    {"the client closes",
     "GET / HTTP/1.1\r\nConnection: close",
     200,
     {BodyKind::length, 2},
     "Content-Length: 2\r\nConnection: close\r\n\r\nhi",
     false},
    {"HTTP/1.0",
     "GET / HTTP/1.0",
     200,
     {BodyKind::length, 2},
     "Content-Length: 2\r\nConnection: close\r\n\r\nhi",
     false},
    {"HTTP/1.0 with keep-alive",
     "GET / HTTP/1.0\r\nConnection: keep-alive",
     200,
     {BodyKind::length, 2},
     "Content-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
     true},
    {"HTTP/1.0 gets no chunks",
     "GET / HTTP/1.0\r\nConnection: keep-alive",
     200,
     {BodyKind::chunked, 0},
     "Connection: close\r\n\r\nhi",
     false},
    {"HTTP/1.0, HEAD",
     "HEAD / HTTP/1.0\r\nConnection: keep-alive",
     200,
     {BodyKind::chunked, 0},
     "Connection: keep-alive\r\n\r\n",
     true},
};

TEST_CASE("the framing of an answer follows its request") {
  for (const auto& answer : kAnswers) {
    CAPTURE(answer.what);
    ServerRecorder server;
    server.answers = false;
    server.feed(std::string(answer.request) + "\r\nHost: a\r\n\r\n");
    REQUIRE(!server.failed);
    ResponseHead head(server.arena);
    head.status = answer.status;
    head.reason = "R";
    head.body = answer.body;
    HeaderList trailers(server.arena);
    trailers.add("T", "1");
    trailers.add("Content-Length", "7");
    server.codec->write_head(1, head, false, server.out);
    if (answer.body.kind != BodyKind::none) server.codec->write_body(1, "hi", server.out);
    server.codec->write_end(1, &trailers, server.out);
    CHECK(server.out.bytes == "HTTP/1.1 " + std::to_string(answer.status) + " R\r\n" + std::string(answer.bytes));
    CHECK(server.codec->finish_stream(1) == answer.reusable);
    CHECK(!server.codec->finish_stream(1));
  }
}

TEST_CASE("the last answer of a connection says so") {
  ServerRecorder server;
  server.answers = false;
  server.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ResponseHead head(server.arena);
  head.status = 200;
  server.codec->write_head(1, head, true, server.out);
  server.codec->write_end(1, nullptr, server.out);
  CHECK(server.out.bytes == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  CHECK(!server.codec->finish_stream(1));
  CHECK(*server.codec->feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == 27);  // swallowed
  CHECK(server.current == 1);
}

TEST_CASE("an answer before the request was read ends the connection") {
  ServerRecorder server;
  server.answers = false;
  server.feed("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  server.answer();
  CHECK(server.text().ends_with("closed\n"));
  server.feed("lloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(server.current == 1);
}

TEST_CASE("trailers live as long as the head") {
  struct Keeper final : ServerEvents {
    Arena& on_request_begin(StreamId) override { return arena; }
    void on_request_head(StreamId, RequestHead&, bool) override {}
    void on_request_body(StreamId, std::string_view) override {}
    void on_request_end(StreamId, HeaderList* list) override { trailers = list; }
    BlockPool pool;
    Arena arena{pool};
    HeaderList* trailers = nullptr;
  } keeper;
  auto codec = make_h1_server_codec(keeper, {});
  REQUIRE(codec->feed("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 7\r\n\r\n"));
  REQUIRE(keeper.trailers != nullptr);
  CHECK(text_of(*keeper.trailers) == " [X-Sum: 7]");
}

TEST_CASE("a request that nobody answers ends the connection") {
  ServerRecorder server;
  server.answers = false;
  server.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(!server.codec->finish_stream(1));
}

TEST_CASE("a bad request can be answered on its stream") {
  for (auto [request, answer] :
       {std::pair{"GET / HTTP/1.1\r\nBad name: x\r\n\r\n",
                  "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"},
        std::pair{"HEAD / HTTP/1.1\r\nBad name: x\r\n\r\n",
                  "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"}}) {
    ServerRecorder server;
    server.feed(request);
    REQUIRE(server.failed);
    ResponseHead head(server.arena);
    head.status = status_of(server.error.code);
    head.body = {BodyKind::length, 2};
    server.codec->write_head(1, head, false, server.out);
    server.codec->write_body(1, "no", server.out);
    server.codec->write_end(1, nullptr, server.out);
    CHECK(server.out.bytes == answer);
    CHECK(!server.codec->finish_stream(1));
    CHECK(!server.codec->busy());
  }
}

TEST_CASE("interim responses go to HTTP/1.1 only") {
  for (auto [version, bytes] :
       {std::pair{"1.1", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"}, std::pair{"1.0", ""}}) {
    ServerRecorder server;
    server.answers = false;
    server.feed("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n\r\n");
    ResponseHead head(server.arena);
    head.status = 103;
    head.headers.add("Link", "</a>");
    server.codec->write_informational(1, head, server.out);
    CHECK(server.out.bytes == bytes);
  }
}

}  // namespace
}  // namespace postern::http::testing
