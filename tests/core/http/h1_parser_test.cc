// What llhttp makes of the fields of a message, and that its opinion of the body has to be ours.
#include "http/h1_parser.h"

#include <doctest/doctest.h>

#include <string>

#include "core/http/recorders.h"

namespace postern::http::testing {
namespace {

using namespace std::string_view_literals;

struct Parsed {
  BlockPool pool;
  Arena arena{pool};
  HeaderList fields{arena};
  H1Parser parser{H1Parser::Kind::request};
  std::string section;
  const char* problem = nullptr;

  explicit Parsed(std::string lines) : section(std::move(lines) + "\r\n") {
    auto read = parser.read_fields(section, fields);
    if (!read) problem = read.error();
  }
};

TEST_CASE("names keep their spelling, values lose the space around them") {
  Parsed p("Host: a.example\r\nx-EMPTY:\r\nX-Space: \t two  words\t \r\nX-None:tight\r\n");
  REQUIRE(p.problem == nullptr);
  REQUIRE(p.fields.size() == 4);
  CHECK(p.fields.fields()[0].name == "Host");
  CHECK(p.fields.fields()[1].name == "x-EMPTY");
  CHECK(p.fields.fields()[1].value.empty());
  CHECK(p.fields.fields()[2].value == "two  words");
  CHECK(p.fields.fields()[3].value == "tight");
}

TEST_CASE("a section may be empty") {
  Parsed p("");
  CHECK(p.problem == nullptr);
  CHECK(p.fields.size() == 0);
}

TEST_CASE("a name is a token and the colon follows at once") {
  for (const char* line : {": nameless", "no colon", "space : x", "tab\t: x", "a(b: x", "caf\xc3\xa9: x", "\rcr: x"}) {
    CAPTURE(line);
    Parsed p(std::string(line) + "\r\n");
    CHECK(p.problem != nullptr);
  }
}

TEST_CASE("a value has no control character but the tab, wherever it stands") {
  for (std::size_t before = 0; before < 20; ++before) {
    for (int c = 0; c < 256; ++c) {
      if (c == '\n') continue;  // the reader of lines stands before the parser
      CAPTURE(before);
      CAPTURE(c);
      bool allowed = c == '\t' || (c >= 0x20 && c != 0x7f);
      for (std::size_t after : {3, 40}) {
        Parsed p("X: " + std::string(before, 'v') + static_cast<char>(c) + std::string(after, 'v') + "\r\n");
        CHECK((p.problem == nullptr) == allowed);
      }
    }
  }
}

TEST_CASE("a name has token characters alone, wherever they stand") {
  constexpr std::string_view kTokens = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (std::size_t before = 0; before < 36; ++before) {
    for (int c = 0; c < 256; ++c) {
      if (c == '\n' || c == ':') continue;
      CAPTURE(before);
      CAPTURE(c);
      std::string name = std::string(before, 'n') + static_cast<char>(c) + "nnn";
      bool allowed = kTokens.find(static_cast<char>(c)) != std::string_view::npos;
      for (const char* value : {"", "a value longer than sixteen bytes"}) {
        Parsed p(name + ":" + value + "\r\n");
        CHECK((p.problem == nullptr) == allowed);
        if (allowed) CHECK(p.fields.fields()[0].name == name);
      }
    }
  }
}

TEST_CASE("what is wrong with a field is said") {
  const struct {
    std::string lines;
    std::string_view problem;
  } cases[] = {
      {": x\r\n", "field without a name"},
      {"a b: x\r\n", "Invalid header token"},
      {"X: a\x01\r\n", "Invalid header value char"},
      {"X: a\rb\r\n", "Missing expected LF after header value"},
      {"Content-Length: 1x\r\n", "Invalid character in Content-Length"},
      {"Content-Length: 1\r\nContent-Length: 1\r\n", "Duplicate Content-Length"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.lines);
    Parsed p(test.lines);
    REQUIRE(p.problem != nullptr);
    CHECK(p.problem == test.problem);
  }
}

TEST_CASE("llhttp agrees with one framing alone") {
  const BodyFraming none{}, two{BodyKind::length, 2}, three{BodyKind::length, 3}, zero{BodyKind::length, 0},
      chunked{BodyKind::chunked, 0}, until_close{BodyKind::until_close, 0};
  const struct {
    std::string lines;
    std::vector<BodyFraming> agreed, others;
  } cases[] = {
      {"X: y\r\n", {none, until_close}, {zero, two, chunked}},
      {"Content-Length: 2\r\n", {two}, {none, until_close, zero, three, chunked}},
      {"Content-Length: 0\r\n", {zero}, {none, until_close, two, chunked}},
      {"Transfer-Encoding: chunked\r\n", {chunked}, {none, until_close, zero, two}},
      {"Transfer-Encoding: gzip, chunked\r\n", {chunked}, {none, until_close, zero, two}},
      {"Transfer-Encoding: chunked\t\r\n", {}, {none, until_close, zero, two, chunked}},
      {"Transfer-Encoding: gzip\r\n", {}, {none, until_close, zero, two, chunked}},
  };
  for (const auto& test : cases) {
    CAPTURE(test.lines);
    Parsed p(test.lines);
    REQUIRE(p.problem == nullptr);
    for (const auto& framing : test.agreed) CHECK(p.parser.agrees_with(framing));
    for (const auto& framing : test.others) CHECK(!p.parser.agrees_with(framing));
  }
}

// Behind the start line of a request and of a response. What llhttp 8.1.0 takes in its other mode, or in any, or took in versions
// before: each is refused on both sides, wherever its bytes are split.
void check_refused_on_both_sides(std::string_view section) {
  CAPTURE(section);
  const std::string request = "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(section);
  const std::string response = "HTTP/1.1 200 OK\r\n" + std::string(section);
  for (std::size_t piece = 1; piece <= response.size(); ++piece) {
    ServerRecorder server;
    server.feed(request, piece);
    CHECK(server.text().ends_with("error 400\n"));
    ClientRecorder client;
    client.request("GET");
    client.feed(response, piece);
    CHECK(client.text().ends_with("error 502\n"));
  }
}

TEST_CASE("a lone CR after a value is refused") {
  check_refused_on_both_sides("X: a\rY: b\r\n\r\n");
  check_refused_on_both_sides("X: a\r\r\n\r\n");
  check_refused_on_both_sides("X:\rY: b\r\n\r\n");
  check_refused_on_both_sides("Content-Length: 0\rX: b\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\rX: b\r\n\r\n0\r\n\r\n");
}

TEST_CASE("a space before the colon is refused") {
  for (std::string_view name : {"Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "X"})
    for (std::string_view space : {" ", "\t", "  "})
      check_refused_on_both_sides(std::string(name).append(space).append(": 0\r\n\r\n"));
}

TEST_CASE("a head that ends with CR and another byte is refused") {
  check_refused_on_both_sides("X: a\r\n\rX\r\n\r\n");
  check_refused_on_both_sides("X: a\r\n\rGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\r\n\r\n0\r\n\rX\r\n\r\n");
}

TEST_CASE("a field without a name is refused") {
  check_refused_on_both_sides(": a\r\n\r\n");
  check_refused_on_both_sides(":\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\r\n\r\n0\r\n: a\r\n\r\n");
}

TEST_CASE("a bare LF is refused") {
  check_refused_on_both_sides("X: a\n\r\n");
  check_refused_on_both_sides("X: a\r\n\n");
  check_refused_on_both_sides("X:\n\r\n");
  check_refused_on_both_sides("Content-Length: 0\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\n\r\n0\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\n\r\n");
}

TEST_CASE("folding is refused") {
  check_refused_on_both_sides("X: a\r\n b\r\n\r\n");
  check_refused_on_both_sides("X:\r\n\tb\r\n\r\n");
  check_refused_on_both_sides("Content-Length:\r\n 0\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\r\n ,gzip\r\n\r\n0\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n");
}

TEST_CASE("a length or coding that llhttp reads otherwise is refused") {
  check_refused_on_both_sides("Content-Length: 0\t\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n");
  check_refused_on_both_sides("Transfer-Encoding: chunked \t\r\n\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace postern::http::testing
