#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "net_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

namespace {

struct Outcome {
  int calls = 0;
  std::unique_ptr<Stream> stream;
  std::optional<Error> error;

  Connector::Done done() {
    return [this](Result<std::unique_ptr<Stream>> result) {
      ++calls;
      if (result) {
        stream = std::move(*result);
      } else {
        error = result.error();
      }
    };
  }
};

Outcome connect_to(const Address& address) {
  Loop loop;
  Outcome outcome;
  auto connector = Connector::start(loop, address, outcome.done());
  CHECK(outcome.calls == 0);  // never inside start
  run_until(loop, [&] { return outcome.calls > 0; });
  CHECK(outcome.calls == 1);
  CHECK(outcome.stream == nullptr);
  return outcome;
}

// A port that nobody listens on.
Address closed_port() {
  Loop loop;
  auto listener = Listener::open(loop, {Address::Kind::ip, "127.0.0.1", 0}, [](std::unique_ptr<Stream>) {});
  REQUIRE(listener.has_value());
  return (*listener)->address();
}

}  // namespace

TEST_CASE("a refused connection is the upstream's error and names the address") {
  auto address = closed_port();
  auto outcome = connect_to(address);
  REQUIRE(outcome.error.has_value());
  CHECK(outcome.error->origin == Origin::upstream);
  CHECK(outcome.error->code == ErrorCode::proxy_error);
  CHECK(outcome.error->text == "connect to " + address.text() + ": connection refused");
}

TEST_CASE("a missing unix socket, a long path, a name and a malformed address are errors, later") {
  ScratchFolder folder;
  struct Row {
    Address address;
    std::string says;
  };
  const Row rows[] = {
      {{Address::Kind::unix_path, folder.file("missing.sock"), 0}, "no such file"},
      {{Address::Kind::unix_path, "/" + std::string(200, 'x'), 0}, "1 to 107 bytes"},
      {{Address::Kind::name, "localhost", 80}, "must be resolved first"},
      {{Address::Kind::ip, "1.2.3", 80}, "not an IP address"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.says);
    auto outcome = connect_to(row.address);
    REQUIRE(outcome.error.has_value());
    CHECK(outcome.error->origin == Origin::upstream);
    CHECK(outcome.error->text.find(row.says) != std::string::npos);
  }
}

TEST_CASE("a destroyed connector calls nobody") {
  Loop loop;
  auto listener = Listener::open(loop, {Address::Kind::ip, "127.0.0.1", 0}, [](std::unique_ptr<Stream>) {});
  REQUIRE(listener.has_value());
  Outcome outcome;
  Connector::start(loop, (*listener)->address(), outcome.done()).reset();
  Connector::start(loop, {Address::Kind::name, "localhost", 80}, outcome.done()).reset();
  turn(loop, 5);
  CHECK(outcome.calls == 0);
}

TEST_CASE("a connector may be destroyed inside its callback, and the stream with it") {
  Loop loop;
  auto listener = Listener::open(loop, {Address::Kind::ip, "127.0.0.1", 0}, [](std::unique_ptr<Stream>) {});
  REQUIRE(listener.has_value());
  std::unique_ptr<Connector> connector;
  bool done = false;
  connector = Connector::start(loop, (*listener)->address(), [&](Result<std::unique_ptr<Stream>> stream) {
    connector.reset();
    done = stream.has_value();
  });
  run_until(loop, [&] { return done; });
}
