#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "query.h"

using postern::testing::FakeGateway;

namespace {

struct Counting {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  struct Route {
    std::string name;
    int requests = 0;
  };

  postern::Verdict on_request(postern::Exchange& x) {
    Route& route = routes.of(x, [](std::string_view name) {
      made.emplace_back(name);
      return Route{std::string(name)};
    });
    ++route.requests;
    ++worker.mine();
    x.set(seen, route.name + " " + std::to_string(route.requests) + " of " + std::to_string(worker.mine())).or_fail();
    return postern::Verdict::CONTINUE;
  }

  postern::PerWorker<int> worker;
  postern::PerRoute<Route> routes;
  postern::Variable seen{"seen"};
  static inline std::vector<std::string> made;
};

std::string seen_on(FakeGateway& gateway, std::string_view route) {
  auto& x = gateway.request("GET", "/");
  x.set_variable("route.id", route).run();
  return x.variable("seen");
}

}  // namespace

TEST_CASE("what a worker and its routes keep is made once") {
  FakeGateway gateway;
  gateway.load(query<Counting>).configure();
  CHECK(seen_on(gateway, "a") == "a 1 of 1");
  CHECK(seen_on(gateway, "b") == "b 1 of 2");
  CHECK(seen_on(gateway, "a") == "a 2 of 3");
  CHECK(seen_on(gateway, "a") == "a 3 of 4");
  CHECK(Counting::made == std::vector<std::string>{"a", "b"});
}
