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
     "7\r\nContent-Length: 9\r\n"
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

}  // namespace
}  // namespace postern::http::testing
