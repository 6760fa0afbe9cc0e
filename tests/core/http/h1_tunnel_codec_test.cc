#include "http/h1_tunnel_codec.h"

#include <doctest/doctest.h>

#include "core/http/recorders.h"

namespace postern::http {
namespace {

TEST_CASE("a client's tunnel passes bytes both ways, and takes none while it is paused") {
  testing::ServerRecorder client;
  auto codec = make_h1_tunnel_codec(static_cast<ServerEvents&>(client), 1);
  CHECK(codec->feed("to the ").value() == 7);
  codec->pause_body(1);
  CHECK(codec->feed("upstream").value() == 0);
  codec->resume_body(1);
  CHECK(codec->feed("upstream").value() == 8);
  CHECK(client.text() == "body to the upstream\n");
  codec->write_body(1, "GET / HTTP/1.1\r\n\r\n", client.out);
  codec->write_end(1, nullptr, client.out);
  CHECK(client.out.bytes == "GET / HTTP/1.1\r\n\r\n");
  CHECK(codec->busy());
  CHECK_FALSE(codec->finish_stream(1));
}

TEST_CASE("an upstream's tunnel ends with its connection") {
  testing::ClientRecorder upstream;
  auto codec = make_h1_tunnel_codec(static_cast<ClientEvents&>(upstream), 1);
  CHECK(codec->feed("HTTP/1.1 200 OK\r\n\r\n").value() == 19);
  codec->pause_body(1);
  CHECK(codec->feed("x").value() == 0);
  codec->write_body(1, "bytes", upstream.out);
  codec->write_end(1, nullptr, upstream.out);
  CHECK(upstream.out.bytes == "bytes");
  CHECK(codec->feed_eof());
  CHECK(upstream.text() == "body HTTP/1.1 200 OK\r\n\r\n\nend\n");
  CHECK_FALSE(codec->finish_stream(1));
}

}  // namespace
}  // namespace postern::http
