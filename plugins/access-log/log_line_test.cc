#include "log_line.h"

#include <doctest/doctest.h>

TEST_CASE("a line is one JSON object whatever is in it") {
  std::string out;
  LogLine line(out);
  line.text("a", "x\"y\n");
  line.number("n", 7);
  line.milliseconds("ms", 12'345'678);
  line.end();
  CHECK(out == "{\"a\":\"x\\\"y\\u000a\",\"n\":7,\"ms\":12.345}\n");
}

TEST_CASE("timestamps") {
  std::string out;
  append_timestamp(out, 1'700'000'000'004);
  CHECK(out == "2023-11-14T22:13:20.004Z");
}

TEST_CASE("secrets in a query are masked") {
  std::vector<std::string> names{"token", "key"};
  std::string buffer;
  CHECK(redact_query("a=1&token=abc&b=2", names, buffer) == "a=1&token=***&b=2");
  CHECK(redact_query("TOKEN=abc", names, buffer) == "TOKEN=***");
  CHECK(redact_query("tokens=abc&key", names, buffer) == "tokens=abc&key");
  CHECK(redact_query("", names, buffer) == "");
}

TEST_CASE("some headers are never shown") {
  CHECK(is_secret_header("Authorization"));
  CHECK(is_secret_header("cookie"));
  CHECK_FALSE(is_secret_header("Accept"));
}
