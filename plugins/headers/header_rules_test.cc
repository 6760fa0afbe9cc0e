#include "header_rules.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("framing and hop-by-hop headers belong to the gateway, in any case and any change") {
  for (auto name : {"Connection", "content-length", "Expect", "KEEP-ALIVE", "Proxy-Connection", "TE", "Trailer",
                    "Transfer-Encoding", "upgrade"}) {
    CAPTURE(name);
    for (auto change : {Change::remove, Change::set, Change::add}) {
      CHECK_FALSE(refusal(name, Message::request, change).empty());
      CHECK_FALSE(refusal(name, Message::response, change).empty());
    }
  }
}

TEST_CASE("Host can be set in a request, for there is always exactly one") {
  CHECK(refusal("host", Message::request, Change::set).empty());
  CHECK_FALSE(refusal("Host", Message::request, Change::add).empty());
  CHECK_FALSE(refusal("Host", Message::request, Change::remove).empty());
  CHECK(refusal("Host", Message::response, Change::remove).empty());
}

TEST_CASE("other names must be tokens") {
  for (auto name : {"X-Gateway", "x_internal", "Server", "Set-Cookie", "1", "!"})
    CHECK(refusal(name, Message::response, Change::add).empty());
  for (auto name : {"", "X Gateway", "X:", "X\r\nY", "\xc3\xa9", "a(b)"})
    CHECK_FALSE(refusal(name, Message::response, Change::add).empty());
}

TEST_CASE("controls other than HTAB") {
  CHECK_FALSE(has_controls("a\tb \xc3\xa9"));
  for (std::string bad : {std::string("a\r"), std::string("\n"), std::string(1, '\0'), std::string("\x7f")})
    CHECK(has_controls(bad));
}
