#include "http/h1_fields.h"

#include <doctest/doctest.h>

#include <string>

using namespace postern;
using namespace postern::http;

namespace {

struct Parsed {
  BlockPool pool;
  Arena arena{pool};
  HeaderList fields{arena};
  std::string section;
  const char* problem = nullptr;

  explicit Parsed(std::string lines) : section(std::move(lines) + "\r\n") {
    auto parsed = parse_fields(section, fields);
    if (!parsed) problem = parsed.error();
  }
};

}  // namespace

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
