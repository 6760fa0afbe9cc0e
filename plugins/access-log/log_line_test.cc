#include "log_line.h"

#include <doctest/doctest.h>
#include <postern/text/json.h>

TEST_CASE("a line is one JSON object whatever is in it") {
  std::string out;
  LogLine line(out);
  line.text("a", "x\"y\n");
  line.number("n", 7);
  line.milliseconds("ms", 12'345'678);
  CHECK(line.end() == "{\"a\":\"x\\\"y\\n\",\"n\":7,\"ms\":12.345}\n");
}

// Texts are looked at in words: each byte at each place of short and long ones.
TEST_CASE("every byte that is not plain is escaped, or replaced, wherever it stands") {
  std::string buffer;
  for (unsigned byte = 0; byte < 256; ++byte) {
    auto c = static_cast<char>(byte);
    std::string shown;
    postern::append_json(shown, std::string_view(&c, 1));
    shown = shown.substr(1, shown.size() - 2);
    for (std::size_t size : {1, 7, 8, 9, 16, 21}) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string before(at, '~'), after(size - at - 1, ' ');
        LogLine line(buffer);
        line.text("t", before + c + after);
        CHECK(line.end() == "{\"t\":\"" + before + shown + after + "\"}\n");
        CHECK(escaped(before + c + after) == before + shown + after);
      }
    }
  }
}

TEST_CASE("UTF-8 stays readable") {
  std::string buffer;
  LogLine line(buffer);
  line.text("agent", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 of more than sixteen bytes");
  line.text("cut", "caf\xC3");
  line.text("c1", "\xC2\x85");
  CHECK(line.end() ==
        "{\"agent\":\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 of more than sixteen bytes\","
        "\"cut\":\"caf\xEF\xBF\xBD\",\"c1\":\"\\u0085\"}\n");
}

TEST_CASE("a used buffer takes shorter and longer lines") {
  std::string buffer;
  for (std::size_t size : {3, 1000, 0, 100'000, 5}) {
    LogLine line(buffer);
    line.text("t", std::string(size, 'x'));
    line.number("n", UINT64_MAX);
    CHECK(line.end() == "{\"t\":\"" + std::string(size, 'x') + "\",\"n\":18446744073709551615}\n");
  }
}

TEST_CASE("what has nothing to escape is written as it is") {
  std::string buffer;
  for (std::size_t size : {0, 1, 5000}) {
    LogLine line(buffer);
    line.plain("p", std::string(size, 'x'));
    line.text("t", "\"");
    CHECK(line.end() == "{\"p\":\"" + std::string(size, 'x') + "\",\"t\":\"\\\"\"}\n");
  }
}

TEST_CASE("timestamps") {
  CHECK(timestamp(1'700'000'000'004) == "2023-11-14T22:13:20.004Z");
  CHECK(timestamp(1'700'000'000'999) == "2023-11-14T22:13:20.999Z");
  CHECK(timestamp(1'700'000'001'050) == "2023-11-14T22:13:21.050Z");
}

TEST_CASE("secrets in a query are masked") {
  std::vector<std::string> names{"token", "key"};
  std::string buffer;
  CHECK(redact_query("a=1&token=abc&b=2", names, buffer) == "a=1&token=***&b=2");
  CHECK(redact_query("TOKEN=abc", names, buffer) == "TOKEN=***");
  CHECK(redact_query("tokens=abc&key", names, buffer) == "tokens=abc&key");
  CHECK(redact_query("", names, buffer) == "");
  CHECK(redact_query("key=1&", names, buffer) == "key=***&");
  CHECK(redact_query("&key=1&&key=2=3", names, buffer) == "&key=***&&key=***");
  CHECK(redact_query("a+key=1", {"a key"}, buffer) == "a+key=***");
  CHECK(redact_query("%74oke%6E=abc&tok%65=b", names, buffer) == "%74oke%6E=***&tok%65=b");
  CHECK(redact_query("%4Bey=abc&%=1&token%=2", names, buffer) == "%4Bey=***&%=1&token%=2");
  CHECK(redact_target("/a?b=1&key=2", names, buffer) == "/a?b=1&key=***");
  CHECK(redact_target("/key=2", names, buffer) == "/key=2");
  CHECK(redact_target("/?", names, buffer) == "/?");
}

TEST_CASE("variables show no more than the fields do") {
  std::vector<std::string> names{"token"};
  CHECK(shown_of("request.header.Authorization", names) == Shown::nothing);
  CHECK(shown_of("request.header.user-agent", names) == Shown::whole);
  CHECK(shown_of("response.header.set-cookie", names) == Shown::nothing);
  CHECK(shown_of("request.cookie.theme", names) == Shown::nothing);
  CHECK(shown_of("request.query.token", names) == Shown::nothing);
  CHECK(shown_of("request.query.page", names) == Shown::whole);
  CHECK(shown_of("request.query", names) == Shown::query);
  CHECK(shown_of("request.target", names) == Shown::target);
  CHECK(shown_of("consumer.id", names) == Shown::whole);
}

TEST_CASE("some headers are never shown") {
  CHECK(is_secret_header("Authorization"));
  CHECK(is_secret_header("cookie"));
  CHECK_FALSE(is_secret_header("Accept"));
}
