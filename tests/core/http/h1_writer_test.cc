// What goes out: heads in one piece, no field that contradicts the framing, and bytes that the other side reads back.
#include "http/h1_writer.h"

#include <doctest/doctest.h>

#include "core/http/recorders.h"

namespace postern::http::testing {
namespace {

struct Fixture {
  BlockPool pool;
  Arena arena{pool};
  StringSink out;
};

TEST_CASE_FIXTURE(Fixture, "a request head is one piece, with exactly one Host") {
  RequestHead head(arena);
  head.method = "GET";
  head.target = "/a?b";
  head.authority = "a";
  head.headers.add("X", "1");
  write_request_head(head, {}, out);
  CHECK(out.bytes == "GET /a?b HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n");
  CHECK(out.appends == 1);
  out.bytes.clear();
  head.headers.add("host", "b");
  head.headers.add("Host", "c");
  write_request_head(head, {}, out);
  CHECK(out.bytes == "GET /a?b HTTP/1.1\r\nX: 1\r\nhost: b\r\n\r\n");
}

TEST_CASE_FIXTURE(Fixture, "fields that frame or belong to the connection are the codec's own") {
  ResponseHead head(arena);
  head.status = 200;
  for (auto name : {"Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer",
                    "Proxy-Connection", "Host", "X"})
    head.headers.add(name, "1");
  WireHead wire;
  wire.has_length = true;
  wire.length = 18446744073709551615U;
  wire.connection = ConnectionOption::close;
  write_response_head(head, wire, out);
  CHECK(out.bytes == "HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 18446744073709551615\r\nConnection: close\r\n\r\n");
}

TEST_CASE_FIXTURE(Fixture, "a large head is written whole") {
  ResponseHead head(arena);
  head.status = 599;
  std::string expected = "HTTP/1.1 599 Unknown\r\n";
  for (int i = 0; i < 50; ++i) {
    head.headers.add("X-" + std::to_string(i), std::string(200, 'x'));
    expected += "X-" + std::to_string(i) + ": " + std::string(200, 'x') + "\r\n";
  }
  write_response_head(head, {}, out);
  CHECK(out.bytes == expected + "\r\n");
  CHECK(out.appends == 1);
}

TEST_CASE_FIXTURE(Fixture, "small chunks are copied once, large ones are not copied") {
  H1BodyWriter body;
  body.start({BodyKind::chunked, 0});
  body.write("", out);
  CHECK(out.appends == 0);
  body.write(std::string(26, 'x'), out);
  CHECK(out.bytes == "1a\r\n" + std::string(26, 'x') + "\r\n");
  CHECK(out.appends == 1);
  body.write(std::string(10000, 'y'), out);
  CHECK(out.appends == 4);
  CHECK(!body.complete());
  body.end(nullptr, out);
  CHECK(out.bytes.ends_with("2710\r\n" + std::string(10000, 'y') + "\r\n0\r\n\r\n"));
  CHECK(body.complete());
  body.write("late", out);
  CHECK(out.bytes.ends_with("\r\n0\r\n\r\n"));
}

// A request through the client codec into the server codec, and its response back.
TEST_CASE("what one side writes the other reads") {
  const std::string large(5000, 'z');
  for (BodyFraming framing : {BodyFraming{BodyKind::length, 5002}, BodyFraming{BodyKind::chunked, 0}}) {
    ClientRecorder client;
    ServerRecorder server;
    server.answers = false;
    RequestHead request(client.arena);
    request.method = "POST";
    request.target = "/p?q";
    request.authority = "a";
    request.body = framing;
    request.expect_continue = true;
    request.headers.add("X", "1");
    HeaderList trailers(client.arena);
    trailers.add("T", "1");
    auto stream = client.current = client.codec->write_head(request, client.out);
    client.codec->write_body(stream, "hi", client.out);
    client.codec->write_body(stream, large, client.out);
    client.codec->write_end(stream, &trailers, client.out);
    server.feed(client.out.bytes);
    std::string end = framing.kind == BodyKind::chunked ? "end [T: 1]\n" : "end\n";
    CHECK(server.text() ==
          "head POST /p?q HTTP/1.1 @a " + text_of(framing) + " expect [X: 1] [Host: a]\nbody hi" + large + "\n" + end);

    ResponseHead response(server.arena);
    response.status = 200;
    response.body = framing;
    response.headers.add("Y", "2");
    server.codec->write_head(1, response, false, server.out);
    server.codec->write_body(1, large, server.out);
    server.codec->write_body(1, "hi", server.out);
    server.codec->write_end(1, &trailers, server.out);
    client.feed(server.out.bytes, 7);
    CHECK(client.text() == "head 200 OK " + text_of(framing) + " [Y: 2]\nbody " + large + "hi\n" + end);
    CHECK(server.codec->finish_stream(1));
    CHECK(client.finish());
  }
}

TEST_CASE("a request without a body says so where one is expected") {
  for (auto [method, framing] :
       {std::pair{"GET", ""}, std::pair{"POST", "Content-Length: 0\r\n"}, std::pair{"PUT", "Content-Length: 0\r\n"}}) {
    ClientRecorder client;
    client.request(method);
    CHECK(client.out.bytes == std::string(method) + " / HTTP/1.1\r\nHost: u\r\n" + framing + "\r\n");
  }
}

}  // namespace
}  // namespace postern::http::testing
