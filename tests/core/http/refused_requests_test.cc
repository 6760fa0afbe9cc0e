// Requests that two readers could understand differently, or that break a limit: each is refused, wherever its bytes
// are split, and nothing behind it is read.
#include <doctest/doctest.h>

#include "core/http/recorders.h"

namespace postern::http::testing {
namespace {

using namespace std::string_view_literals;

struct Refused {
  std::string_view what;
  std::string_view bytes;
  int status = 400;
};

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define NEXT "\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

const Refused kRefusedFraming[] = {
    {"length and coding", HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"coding and length", HEAD "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
    {"length and unknown coding", HEAD "Transfer-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"},
    {"two different lengths", HEAD "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"},
    {"two equal lengths", HEAD "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"},
    {"two lengths, spelled differently", HEAD "content-length: 4\r\nCONTENT-LENGTH: 4\r\n\r\nabcd"},
    {"a list of equal lengths", HEAD "Content-Length: 1,1\r\n\r\na"},
    {"a list with space", HEAD "Content-Length: 1, 1\r\n\r\na"},
    {"two numbers", HEAD "Content-Length:  1 1\r\n\r\na"},
    {"a plus sign", HEAD "Content-Length: +1\r\n\r\na"},
    {"a minus sign", HEAD "Content-Length: -1\r\n\r\na"},
    {"a hexadecimal length", HEAD "Content-Length: 0x1\r\n\r\na"},
    {"a length in words", HEAD "Content-Length: one\r\n\r\na"},
    {"a length with a unit", HEAD "Content-Length: 1b\r\n\r\na"},
    {"a decimal fraction", HEAD "Content-Length: 1.0\r\n\r\na"},
    {"a quoted length", HEAD "Content-Length: \"1\"\r\n\r\na"},
    {"an empty length", HEAD "Content-Length:\r\n\r\na"},
    {"a blank length", HEAD "Content-Length: \r\n\r\na"},
    {"20 digits", HEAD "Content-Length: 10000000000000000000\r\n\r\na"},
    {"20 digits, mostly zeros", HEAD "Content-Length: 00000000000000000001\r\n\r\na"},
    {"a length of 2 to the 64th", HEAD "Content-Length: 18446744073709551616\r\n\r\na"},
    {"a length with a NUL", HEAD "Content-Length: 1\0\r\n\r\na"sv},
    {"a length with a vertical tab", HEAD "Content-Length: \x0b"
                                          "1\r\n\r\na"},
    {"two codings in two fields", HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"chunked, then identity", HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
    {"identity, then chunked", HEAD "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"chunked twice", HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
    {"chunked is not the last", HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
    {"chunked before gzip", HEAD "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
    {"an empty coding", HEAD "Transfer-Encoding:\r\n\r\n0\r\n\r\n"},
    {"an empty element", HEAD "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"},
    {"an empty last element", HEAD "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"},
    {"chunked in quotes", HEAD "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
    {"chunked with a parameter", HEAD "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"},
    {"chunked in two words", HEAD "Transfer-Encoding: chun ked\r\n\r\n0\r\n\r\n"},
    {"chunked behind a vertical tab", HEAD "Transfer-Encoding: \x0b"
                                           "chunked\r\n\r\n0\r\n\r\n"},
    {"chunked and a NUL", HEAD "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"sv},
    {"coding with space before the colon", HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
    {"coding with a tab before the colon", HEAD "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"},
    {"coding folded", HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
    {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"a length with space before the colon", HEAD "Content-Length : 1\r\n\r\na"},
    {"a length with a tab behind it", HEAD "Content-Length: 1\t\r\n\r\na"},
    {"a coding with a tab behind it", HEAD "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"},
    {"identity", HEAD "Transfer-Encoding: identity\r\n\r\n", 501},
    {"gzip", HEAD "Transfer-Encoding: gzip\r\n\r\n", 501},
    {"gzip, then chunked", HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"x-chunked", HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
    {"chunkedx", HEAD "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", 501},
};

const Refused kRefusedChunks[] = {
    {"a size that is no number", CHUNKED "x\r\n"},
    {"no size", CHUNKED "\r\n"},
    {"only an extension", CHUNKED ";a\r\n"},
    {"a size with 0x", CHUNKED "0x1\r\na\r\n0\r\n\r\n"},
    {"a size with a sign", CHUNKED "+1\r\na\r\n0\r\n\r\n"},
    {"a negative size", CHUNKED "-1\r\na\r\n0\r\n\r\n"},
    {"space before a size", CHUNKED " 1\r\na\r\n0\r\n\r\n"},
    {"space behind a size", CHUNKED "1 \r\na\r\n0\r\n\r\n"},
    {"a tab behind a size", CHUNKED "1\t\r\na\r\n0\r\n\r\n"},
    {"an underscore in a size", CHUNKED "1_0\r\n"},
    {"a size of 17 digits", CHUNKED "00000000000000001\r\na\r\n0\r\n\r\n"},
    {"a size over 64 bits", CHUNKED "10000000000000000\r\n"},
    {"LF behind a size", CHUNKED "1\na\r\n0\r\n\r\n"},
    {"CR behind a size", CHUNKED "1\ra\r\n0\r\n\r\n"},
    {"CR CR LF behind a size", CHUNKED "1\r\r\na\r\n0\r\n\r\n"},
    {"an extension without a name", CHUNKED "1;\r\na\r\n0\r\n\r\n"},
    {"an extension with a malformed name", CHUNKED "1;bad[=x\r\na\r\n0\r\n\r\n"},
    {"a digit behind a quoted extension", CHUNKED "1;a=\"b\"0\r\na\r\n0\r\n\r\n"},
    {"LF in an extension", CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n"},
    {"LF in a quoted extension", CHUNKED "1;a=\"\nb\"\r\na\r\n0\r\n\r\n"},
    {"CR LF in a quoted extension", CHUNKED "1;a=\"\r\nb\"\r\na\r\n0\r\n\r\n"},
    {"NUL in an extension", CHUNKED "1;\0\r\na\r\n0\r\n\r\n"sv},
    {"CR in an extension", CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n"},
    {"data longer than its size", CHUNKED "1\r\nab\r\n0\r\n\r\n"},
    {"LF behind data", CHUNKED "1\r\na\n0\r\n\r\n"},
    {"CR behind data", CHUNKED "1\r\na\r0\r\n\r\n"},
    {"LF behind the last chunk", CHUNKED "0\n\r\n"},
    {"LF as the last line", CHUNKED "0\r\n\n"},
    {"CR before the last line", CHUNKED "0\r\n\rX\r\n"},
    {"a trailer that is no field", CHUNKED "0\r\nGET /smuggled HTTP/1.1\r\n\r\n"},
    {"a trailer with space before the colon", CHUNKED "0\r\nX : y\r\n\r\n"},
    {"a trailer without a name", CHUNKED "0\r\n: y\r\n\r\n"},
    {"a folded trailer", CHUNKED "0\r\nX: y\r\n z\r\n\r\n"},
    {"a trailer that begins with space", CHUNKED "0\r\n X: y\r\n\r\n"},
    {"a trailer that ends in LF", CHUNKED "0\r\nX: y\n\r\n"},
    {"a trailer with a NUL", CHUNKED "0\r\nX: \0\r\n\r\n"sv},
    {"a trailer with a length", CHUNKED "0\r\ncontent-length: 1\r\n\r\n"},
    {"a trailer with a coding", CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"},
};

const Refused kRefusedHeads[] = {
    {"LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"LF behind a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"},
    {"LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"nothing but LF", "GET / HTTP/1.1\nHost: a\n\n"},
    {"LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"three empty lines first", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CR in the target", "GET /\ra HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CR behind the version", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"},
    {"CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"},
    {"CR that hides a field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n"},
    {"CR at the end of a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n"},
    {"CR in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\rY: a\r\n\r\n"},
    {"CR as the name", "GET / HTTP/1.1\r\nHost: a\r\n\rX: a\r\n\r\n"},
    {"CR and another byte as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n"},
    {"CR CR LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"},
    {"folding with a space", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"},
    {"folding with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n"},
    {"folding of an empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n"},
    {"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {"a line of spaces", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n"},
    {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
    {"a tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"},
    {"no name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
    {"a name that is only a colon", "GET / HTTP/1.1\r\nHost: a\r\n:\r\n\r\n"},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"},
    {"space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"},
    {"a parenthesis in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(Y): b\r\n\r\n"},
    {"a high byte in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\xc3: b\r\n\r\n"},
    {"a NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"sv},
    {"a NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"sv},
    {"a control in a value",
     "GET / HTTP/1.1\r\nHost: a\r\nX: b\x01"
     "c\r\n\r\n"},
    {"an escape in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[1m\r\n\r\n"},
    {"DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n"},
    {"a control in Connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\x01\r\n\r\n"},
    {"Connection is no list of tokens", "GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n"},
    {"no Host", "GET / HTTP/1.1\r\nX: b\r\n\r\n"},
    {"no field at all", "GET / HTTP/1.1\r\n\r\n"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {"a list of Hosts", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"},
    {"a target that disagrees with Host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a target that disagrees about the port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a target with a user", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a target without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"an absolute target without Host", "GET http://a/ HTTP/1.1\r\n\r\n"},
    {"an unknown expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na", 417},
    {"two expectations",
     "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na", 417},
};

const Refused kRefusedLines[] = {
    {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a tab instead of a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a tab before the version", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"},
    {"space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"space last", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"no version", "GET /\r\nHost: a\r\n\r\n"},
    {"a method alone", "GET\r\n\r\n"},
    {"a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a NUL in the method", "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"sv},
    {"a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"a version of three digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
    {"a version without a minor number", "GET / HTTP/1\r\nHost: a\r\n\r\n"},
    {"another protocol", "GET / RTSP/1.0\r\nHost: a\r\n\r\n"},
    {"ICE", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"},
    {"a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a high byte in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a control in the query", "GET /?\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"an authority as target", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"an unknown scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a path above the root", "GET /../a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"an escaped path above the root", "GET /%2e%2E/a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a backslash", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"an escaped NUL", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"half an escape", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501},
    {"a method of 33 bytes", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"HTTP/3.7", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
};

#undef HEAD
#undef CHUNKED

std::string events_of(const Refused& refused, std::size_t piece) {
  ServerRecorder server;
  server.feed(refused.bytes, piece);
  server.feed(NEXT);
  CHECK(server.current == 1);  // there is a stream to answer on
  return server.text();
}

void check_refused(std::span<const Refused> table) {
  for (const auto& refused : table) {
    CAPTURE(refused.what);
    auto whole = events_of(refused, refused.bytes.size());
    CHECK(whole.ends_with("error " + std::to_string(refused.status) + "\n"));
    CHECK(whole.find("end") == std::string::npos);
    CHECK(whole.find("smuggled") == std::string::npos);
    for (std::size_t piece = 1; piece < refused.bytes.size(); ++piece) CHECK(events_of(refused, piece) == whole);
  }
}

TEST_CASE("ambiguous framing is refused") { check_refused(kRefusedFraming); }
TEST_CASE("malformed chunks and trailers are refused") { check_refused(kRefusedChunks); }
TEST_CASE("malformed heads are refused") { check_refused(kRefusedHeads); }
TEST_CASE("malformed request lines are refused") { check_refused(kRefusedLines); }

HeadLimits small_limits() {
  HeadLimits limits;
  limits.request_line_bytes = 30;
  limits.head_bytes = 80;
  limits.fields = 3;
  return limits;
}

int status_with_small_limits(std::string_view bytes, std::size_t piece) {
  ServerRecorder server(small_limits());
  server.feed(bytes, piece);
  return server.failed ? status_of(server.error.code) : 0;
}

TEST_CASE("limits hold to the byte") {
  std::string line = "GET /" + std::string(30 - 14, 'x') + " HTTP/1.1\r\n";
  std::string longer = "GET /" + std::string(31 - 14, 'x') + " HTTP/1.1\r\n";
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(80 - 32, 'x') + "\r\n\r\n";
  std::string larger = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(81 - 32, 'x') + "\r\n\r\n";
  std::string chunked = "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  const struct {
    std::string_view what;
    std::string bytes;
    int status;
  } cases[] = {
      {"a line as long as allowed", line + "Host: a\r\n\r\n", 0},
      {"a longer line", longer + "Host: a\r\n\r\n", 414},
      {"a line without end", std::string(40, 'G'), 414},
      {"a head as large as allowed", head, 0},
      {"a larger head", larger, 431},
      {"a head without end", "GET / HTTP/1.1\r\nX: " + std::string(100, 'x'), 431},
      {"as many fields as allowed", "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", 0},
      {"more fields", "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", 431},
      {"as many trailers as allowed", chunked + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", 0},
      {"more trailers", chunked + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", 431},
      {"larger trailers", chunked + "A: " + std::string(80, 'x') + "\r\n\r\n", 431},
  };
  for (const auto& test : cases) {
    CAPTURE(test.what);
    for (std::size_t piece = 1; piece <= test.bytes.size(); ++piece)
      CHECK(status_with_small_limits(test.bytes, piece) == test.status);
  }
}

TEST_CASE("a chunk's line is bounded") {
  for (auto [size, status] : {std::pair{1000, 0}, std::pair{1100, 400}}) {
    ServerRecorder server;
    server.feed("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                std::string(static_cast<std::size_t>(size), 'x') + "\r\na\r\n0\r\n\r\n");
    CHECK((server.failed ? status_of(server.error.code) : 0) == status);
  }
}

TEST_CASE("a large head in single bytes needs little memory") {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 90; ++i) bytes += "X-" + std::to_string(i) + ": " + std::string(600, 'x') + "\r\n";
  bytes += "\r\n";
  ServerRecorder server;
  server.answers = false;
  server.feed(bytes, 1);
  CHECK(!server.failed);
  CHECK(server.wire_bytes == bytes.size());
  CHECK(server.arena.total() < 4 * bytes.size());
}

TEST_CASE("Connection may not name more fields than are compared") {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: ";
  for (int i = 0; i < 32; ++i) head += "x" + std::to_string(i) + ",";
  ServerRecorder enough, many;
  enough.feed(head + "close\r\n\r\n");
  many.feed(head + "y\r\n\r\n");
  CHECK(!enough.failed);
  CHECK(many.text() == "error 400\n");
}

}  // namespace
}  // namespace postern::http::testing
