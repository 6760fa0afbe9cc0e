// The line before a chunk: chunks with good and bad lines, as a codec meets them.
#include "http/chunk_line.h"

#include <doctest/doctest.h>

#include "core/http/recorders.h"

namespace postern::http::testing {
namespace {

std::string events_of(std::string_view line, std::size_t piece) {
  ServerRecorder server;
  server.feed(
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(line) + "\r\nhello\r\n0\r\n\r\n",
      piece);
  return server.text();
}

bool is_taken(std::string_view line) {
  CAPTURE(line);
  const std::string whole = events_of(line, static_cast<std::size_t>(-1));
  for (std::size_t piece = 1; piece <= line.size(); ++piece) CHECK(events_of(line, piece) == whole);
  const bool taken = whole.ends_with("\nbody hello\nend\n");
  CHECK(taken != whole.ends_with("\nerror 400\n"));
  return taken;
}

TEST_CASE("extensions are names with or without a value") {
  for (std::string_view line : {"5;a", "5;a=b", "5;a=\"b\"", "5;a;b", "5;a=b;c=d", "5;a=\"b\";c", "5;a=\"\"",
                                "5;a=\"b;c\"", "5;a=\"\\\"\\\\\"", "5;a=\"\xc3\xa9\t\"", "5;5=5"})
    CHECK(is_taken(line));
}

TEST_CASE("malformed extensions are refused") {
  for (std::string_view line :
       {"5;", "5;bad[=x", "5;;a", "5;a;", "5;a=b;", "5;a=\"b\";", "5;=b", "5;a=", "5;a=;b", "5;a=b=c", "5;a=[",
        "5;a=\"b", "5;a=\"b\\", "5;a=\"b\"c", "5;a=\"b\"7", "5;a\"b\"", "5;\xc3\xa9", "5;a,b"})
    CHECK(!is_taken(line));
}

TEST_CASE("there is no white space in a chunk's line") {
  for (std::string_view line : {" 5", "5 ", "5\t", "5 ;a", "5; a", "5;a ", "5;a =b", "5;a= b", "5;a=\"b\" "})
    CHECK(!is_taken(line));
}

TEST_CASE("no line end hides in an extension") {
  for (std::string_view line : {"5;a\rb", "5;a\nb", "5;a=\rb", "5;a=\"\r\"", "5;a=\"\n\"", "5;a=\"\r\n\"",
                                "5;a=\"\\\r\"", "5;a=\"\\\n\"", "5;a\r\r"})
    CHECK(!is_taken(line));
}

TEST_CASE("a size has at most sixteen digits") {
  CHECK(is_taken(std::string(15, '0') + "5"));
  CHECK(is_taken(std::string(15, '0') + "5;a"));
  CHECK(!is_taken(std::string(16, '0') + "5"));
  CHECK(!is_taken(std::string(16, '0') + "5;a"));
}

TEST_CASE("a line is bounded to the byte") {
  constexpr std::string_view kRest = "5;\r\n";
  CHECK(is_taken("5;" + std::string(ChunkLine::kMaxBytes - kRest.size(), 'a')));
  CHECK(!is_taken("5;" + std::string(ChunkLine::kMaxBytes - kRest.size() + 1, 'a')));
}

}  // namespace
}  // namespace postern::http::testing
