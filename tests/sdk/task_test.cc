// Hooks that are coroutines: what they wait for, how they fail, and that they end with their exchange.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "query.h"

using postern::BodyPart;
using postern::CallAnswer;
using postern::Exchange;
using postern::Task;
using postern::Verdict;
using postern::testing::CallReply;
using postern::testing::FakeCall;
using postern::testing::FakeExchange;
using postern::testing::FakeGateway;

namespace {

// Lives in coroutines' frames: how many there are now.
struct Alive {
  inline static int count = 0;
  Alive() { ++count; }
  Alive(const Alive&) { ++count; }
  ~Alive() { --count; }
};

struct Guard {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request, on_response");
  struct State {
    std::string user;
  };

  Task<bool> may_pass(Exchange& x, std::string_view user) {
    const Alive alive;
    const postern::Header headers[] = {{"x-user", user}};
    const CallAnswer answer = co_await postern::call({.upstream = "auth", .target = "/check", .headers = headers});
    if (!answer) throw std::runtime_error("the guard cannot ask");
    x.request().headers().set("x-role", answer.header("x-role").value_or("none")).or_fail();
    co_return answer.status() == 200;
  }

  Task<Verdict> on_request(Exchange& x, State& state) {
    const Alive alive;
    co_await postern::sleep(20);
    auto lower = [name = std::string(x.request().headers().get("x-name").value_or(""))] {
      return postern::to_lower(name);
    };
    state.user = co_await postern::work(std::move(lower));
    if (!co_await may_pass(x, state.user)) co_return x.respond_error(403, "FORBIDDEN", "no");
    co_return Verdict::CONTINUE;
  }

  // One that never waits is a hook like any other.
  Task<Verdict> on_response(Exchange& x, State& state) {
    const Alive alive;
    x.response().headers().set("x-user", state.user).or_fail();
    co_return Verdict::CONTINUE;
  }
};

FakeExchange& guarded(FakeGateway& gateway) {
  gateway.on_call([](const FakeCall&) { return CallReply{.headers = {{"X-Role", "cook"}}, .delay_ms = 10}; });
  gateway.load(query<Guard>).configure();
  return gateway.request("GET", "/", {{"x-name", "Bob"}});
}

TEST_CASE("a coroutine waits for time, for the thread pool and for a call, and goes on with its verdict") {
  FakeGateway gateway;
  FakeExchange& x = guarded(gateway).send();
  CHECK(x.suspended());
  gateway.advance(20);
  REQUIRE(gateway.calls().size() == 1);
  CHECK(gateway.calls()[0].headers.get("X-User") == "bob");
  gateway.advance(10);
  CHECK(x.at_upstream());
  CHECK(x.upstream_headers().get("x-role") == "cook");
  x.reply(200, {}, {"ok"}).finish();
  CHECK(x.response_headers().get("x-user") == "bob");
  CHECK(Alive::count == 0);
}

TEST_CASE("a coroutine may answer, and what it throws is an error of its hook") {
  FakeGateway gateway;
  gateway.load(query<Guard>).configure();
  FakeExchange& x = gateway.request("GET", "/", {{"x-name", "Bob"}}).send();
  gateway.advance(20);
  SUBCASE("it refuses") {
    gateway.answer({.status = 401});
    CHECK(x.status() == 403);
  }
  SUBCASE("a part of it throws") {
    gateway.answer({.result = POSTERN_E_CONNECT});
    CHECK(x.status() == 500);
    CHECK(gateway.logged("the guard cannot ask"));
  }
  CHECK(Alive::count == 0);
}

TEST_CASE("a coroutine whose call cannot begin fails where it stands") {
  FakeGateway gateway;
  gateway.unknown_upstream("auth");
  gateway.load(query<Guard>).configure();
  FakeExchange& x = gateway.request("GET", "/").send();
  gateway.advance(20);
  CHECK(x.status() == 500);
  CHECK(Alive::count == 0);
}

TEST_CASE("the frames of a coroutine end with the exchange, wherever they wait") {
  CHECK(postern::testing::abort_at_every_suspension(guarded) == 1);
  CHECK(Alive::count == 0);
}

// F19: a sleep longer than the hook's deadline was a 504.
struct Sleeper {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  Task<Verdict> on_request(Exchange& x) {
    co_await postern::sleep(6'000);
    if (x.request().path() == "/twice") co_await postern::sleep(POSTERN_LONGEST_WAIT_MS);
    co_return Verdict::CONTINUE;
  }
};

TEST_CASE("what a hook sleeps does not count against its deadline, up to a bound") {
  FakeGateway gateway;
  gateway.load(query<Sleeper>).configure();
  FakeExchange& once = gateway.request("GET", "/").send();
  FakeExchange& twice = gateway.request("GET", "/twice").send();
  gateway.advance(6'000);
  CHECK(once.at_upstream());
  CHECK(twice.status() == 500);
  CHECK(gateway.logged("ten minutes"));
}

struct Reader {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request_body");
  Reader(postern::Setup& setup, postern::Node) { setup.request_body(postern::BodyPolicy::stream(true)); }
  Task<Verdict> on_request_body(Exchange& x, BodyPart part) {
    co_await postern::sleep(1);
    x.request_body().replace("<" + std::string(part.bytes) + ">").or_fail();
    co_return Verdict::CONTINUE;
  }
};

TEST_CASE("the bytes of a body stay for a coroutine that waits") {
  FakeGateway gateway;
  gateway.load(query<Reader>).configure();
  FakeExchange& x = gateway.request("POST", "/");
  x.body({"abc", "def"}).send();
  for (int i = 0; i < 4; ++i) gateway.advance(1);
  CHECK(x.upstream_body().find("<abc><def>") == 0);
}

}  // namespace
