#include "net/resolver.h"

#include <doctest/doctest.h>

#include <optional>

#include <algorithm>

#include "net_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

namespace {

struct Answer {
  int calls = 0;
  std::vector<Address> addresses;
  std::optional<Error> error;

  Lookup::Done done() {
    return [this](Result<std::vector<Address>> result) {
      ++calls;
      if (result) {
        addresses = std::move(*result);
      } else {
        error = result.error();
      }
    };
  }
};

}  // namespace

TEST_CASE("a lookup gives the addresses of a name, with the port, sorted") {
  Loop loop;
  Answer answer;
  auto lookup = Lookup::start(loop, "localhost", 8080, answer.done());
  CHECK(answer.calls == 0);
  run_until(loop, [&] { return answer.calls == 1; });
  REQUIRE_FALSE(answer.addresses.empty());
  for (const auto& address : answer.addresses) {
    CHECK(address.kind == Address::Kind::ip);
    CHECK(address.port == 8080);
    CHECK((address.host == "127.0.0.1" || address.host == "::1"));
  }
  CHECK(std::adjacent_find(answer.addresses.begin(), answer.addresses.end()) == answer.addresses.end());
}

TEST_CASE("an impossible name is an error that names it, later") {
  for (const std::string& name : {std::string(300, 'a'), std::string("")}) {
    Loop loop;
    Answer answer;
    auto lookup = Lookup::start(loop, name, 80, answer.done());
    CHECK(answer.calls == 0);
    run_until(loop, [&] { return answer.calls == 1; });
    REQUIRE(answer.error.has_value());
    CHECK(answer.error->origin == Origin::upstream);
    CHECK(answer.error->text.find("resolve " + name) == 0);
  }
}

TEST_CASE("a destroyed lookup calls nobody") {
  Answer answer;
  {
    Loop loop;
    Lookup::start(loop, "localhost", 80, answer.done()).reset();
    loop.run();
  }
  CHECK(answer.calls == 0);
}
