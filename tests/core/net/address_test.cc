#include "net/address.h"

#include <doctest/doctest.h>

#include <string>

#include "net/socket_address.h"

using namespace postern;
using namespace postern::net;

TEST_CASE("addresses are parsed into their canonical form") {
  struct Row {
    std::string text;
    Address::Kind kind;
    const char* host;
    int port;
    const char* canonical;
  };
  const Row rows[] = {
      {"127.0.0.1:80", Address::Kind::ip, "127.0.0.1", 80, "127.0.0.1:80"},
      {"0.0.0.0:0", Address::Kind::ip, "0.0.0.0", 0, "0.0.0.0:0"},
      {"[::1]:8443", Address::Kind::ip, "::1", 8443, "[::1]:8443"},
      {"[0:0:0:0:0:0:0:1]:1", Address::Kind::ip, "::1", 1, "[::1]:1"},
      {"[2001:DB8::A]:65535", Address::Kind::ip, "2001:db8::a", 65535, "[2001:db8::a]:65535"},
      {"api.internal:9001", Address::Kind::name, "api.internal", 9001, "api.internal:9001"},
      {"localhost:080", Address::Kind::name, "localhost", 80, "localhost:80"},
      {"my_service-1.ns.:80", Address::Kind::name, "my_service-1.ns.", 80, "my_service-1.ns.:80"},
      {"unix:/run/x.sock", Address::Kind::unix_path, "/run/x.sock", 0, "unix:/run/x.sock"},
      {"unix:run/with:colon", Address::Kind::unix_path, "run/with:colon", 0, "unix:run/with:colon"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    auto address = parse_address(row.text);
    REQUIRE(address.has_value());
    CHECK(address->kind == row.kind);
    CHECK(address->host == row.host);
    CHECK(address->port == row.port);
    CHECK(address->text() == row.canonical);
    CHECK(parse_address(address->text()) == *address);
  }
}

TEST_CASE("what is not an address is refused with its text") {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  const std::string long_name = std::string(254, 'a') + ":80";
  for (const std::string& text : {std::string(""),
                                  std::string(":"),
                                  std::string(":80"),
                                  std::string("localhost"),
                                  std::string("localhost:"),
                                  std::string("localhost:http"),
                                  std::string("localhost:65536"),
                                  std::string("localhost:-1"),
                                  std::string("localhost:+1"),
                                  std::string("localhost:000080"),
                                  std::string("localhost: 80"),
                                  std::string("1.2.3:80"),
                                  std::string("256.1.1.1:80"),
                                  std::string("::1:80"),
                                  std::string("[::1]"),
                                  std::string("[::1]80"),
                                  std::string("[::1]:"),
                                  std::string("[localhost]:80"),
                                  std::string("[::1%lo]:80"),
                                  std::string("a b:80"),
                                  std::string("-a:80"),
                                  std::string(".a:80"),
                                  std::string("http://a:80"),
                                  std::string("unix:"),
                                  std::string("unix:/a\0b", 9),
                                  long_path,
                                  long_name}) {
    CAPTURE(text);
    auto address = parse_address(text);
    REQUIRE_FALSE(address.has_value());
    CHECK(address.error().text.find("address \"" + text + "\": expected ") == 0);
  }
}

TEST_CASE("addresses survive the way through the kernel's form") {
  for (const char* text : {"127.0.0.1:80", "[::1]:443", "[2001:db8::1]:0"}) {
    auto address = parse_address(text);
    auto kernel = socket_address(*address);
    REQUIRE(kernel.has_value());
    CHECK(address_of(*kernel) == *address);
  }
}
