#include "http/start_line.h"

#include <doctest/doctest.h>

#include <string>

using namespace postern;
using namespace postern::http;

TEST_CASE("a request line is taken apart at its first and its last space") {
  auto line = parse_request_line("GET /a%20b?c=d HTTP/1.0");
  REQUIRE(line);
  CHECK(line->method == "GET");
  CHECK(line->target == "/a%20b?c=d");
  CHECK(line->version == Version::http10);
}

TEST_CASE("what is wrong with a request line is said") {
  struct {
    std::string line;
    ErrorCode code;
    std::string_view text;
  } const cases[] = {
      {"", ErrorCode::bad_request, "malformed request line"},
      {"GET", ErrorCode::bad_request, "malformed request line"},
      {"GET /", ErrorCode::bad_request, "malformed request line"},
      {"GET HTTP/1.1", ErrorCode::bad_request, "malformed request line"},
      {" / HTTP/1.1", ErrorCode::bad_request, "malformed method"},
      {"G@T / HTTP/1.1", ErrorCode::bad_request, "malformed method"},
      {"GET\t/ a HTTP/1.1", ErrorCode::bad_request, "malformed method"},
      {"GET / FOO", ErrorCode::bad_request, "malformed HTTP version"},
      {"GET / HTTP/1.10", ErrorCode::bad_request, "malformed HTTP version"},
      {"GET / HTTP/1.1 ", ErrorCode::bad_request, "malformed HTTP version"},
      {"GET / http/1.1", ErrorCode::bad_request, "malformed HTTP version"},
      {"GET / HTTP/3.1", ErrorCode::version_not_supported, "HTTP/3.1 is not supported"},
      {std::string(33, 'M') + " / HTTP/1.1", ErrorCode::not_implemented, "the method is too long"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.line);
    auto line = parse_request_line(c.line);
    REQUIRE_FALSE(line);
    CHECK(line.error().code == c.code);
    CHECK(line.error().text == c.text);
  }
}
