// The client side of HTTP/1: which answers of an upstream are taken, and when its connection can be used again.
#include "http/h1_client_codec.h"

#include <doctest/doctest.h>

#include "core/http/recorders.h"

namespace postern::http::testing {
namespace {

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

}  // namespace
}  // namespace postern::http::testing
