// What happens later: pauses, timers, calls, jobs, posted functions, and that all of it dies with its exchange.
#include <doctest/doctest.h>

#include "query.h"

using postern::Exchange;
using postern::Verdict;
using postern::testing::CallReply;
using postern::testing::FakeCall;
using postern::testing::FakeExchange;
using postern::testing::FakeGateway;

namespace {

struct Delays {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  struct State {
    postern::Timer timer;
  };
  Verdict on_request(Exchange& x, State& state) {
    state.timer = postern::Timer(x.instance(), 100, [ticket = x.pause()] { ticket.resume(); });
    return Verdict::SUSPEND;
  }
};

FakeExchange& delayed(FakeGateway& gateway) {
  gateway.load(query<Delays>).configure();
  return gateway.request("GET", "/");
}

TEST_CASE("a paused exchange goes on when its ticket is resumed") {
  FakeGateway gateway;
  FakeExchange& x = delayed(gateway).send();
  CHECK(x.suspended_in() == "tested on_request");
  gateway.advance(99);
  CHECK(x.suspended());
  gateway.advance(1);
  CHECK(x.at_upstream());
  x.run();
}

TEST_CASE("a timer in the state ends with the exchange") {
  FakeGateway gateway;
  FakeExchange& x = delayed(gateway).send();
  CHECK(gateway.open_timers() == 1);
  x.abort();
  CHECK(gateway.open_timers() == 0);
}

TEST_CASE("late and repeated resumes change nothing") {
  postern::testing::resume_late_and_twice(delayed, [](FakeExchange& x) { CHECK(x.ended()); });
}

struct Asks {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  struct State {
    postern::Call call;
  };
  Verdict on_request(Exchange& x, State& state) {
    const postern::Header headers[] = {{"x-token", "secret"}};
    state.call = postern::Call(
        x.instance(), {.upstream = "auth", .target = "/check", .headers = headers},
        [x, ticket = x.pause()](const postern::CallResponse& answer) {
          const bool good = answer && answer.status() == 200;
          ticket.resume(good ? Verdict::CONTINUE : x.respond_error(403, "FORBIDDEN", answer.result().text()));
        });
    return state.call ? Verdict::SUSPEND : Verdict::ERROR;
  }
};

FakeExchange& asked(FakeGateway& gateway) {
  gateway.on_call([](const FakeCall&) { return CallReply{.delay_ms = 10}; });
  gateway.load(query<Asks>).configure();
  return gateway.request("GET", "/");
}

TEST_CASE("a call carries the request out and its answer back") {
  FakeGateway gateway;
  gateway.load(query<Asks>).configure();
  FakeExchange& x = gateway.request("GET", "/").send();
  REQUIRE(gateway.pending_calls().size() == 1);
  CHECK(gateway.pending_calls()[0].target == "/check");
  CHECK(gateway.pending_calls()[0].headers.get("X-Token") == "secret");
  SUBCASE("allowed") {
    gateway.answer({});
    CHECK(x.at_upstream());
  }
  SUBCASE("refused") {
    gateway.answer({.status = 401});
    CHECK(x.status() == 403);
  }
  SUBCASE("no answer in time: the deadline of the hook comes first") {
    gateway.advance(60'000);
    CHECK(x.status() == 504);
  }
}

TEST_CASE("an upstream that does not exist gives an empty call") {
  FakeGateway gateway;
  gateway.unknown_upstream("auth");
  gateway.load(query<Asks>).configure();
  CHECK(gateway.get("/").status() == 500);
}

TEST_CASE("a client that goes away at any suspension leaves nothing behind") {
  CHECK(postern::testing::abort_at_every_suspension(delayed) == 1);
  CHECK(postern::testing::abort_at_every_suspension(asked) == 1);
}

struct Computes {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request, on_response");
  struct State {
    postern::Work work;
    int answer = 0;
  };
  Verdict on_request(Exchange& x, State& state) {
    auto result = std::make_shared<int>(0);
    state.work = postern::Work(
        x.instance(), [result] { *result = 6 * 7; },
        [result, &state, ticket = x.pause()] {
          state.answer = *result;
          ticket.resume();
        });
    return Verdict::SUSPEND;
  }
  Verdict on_response(Exchange& x, State& state) {
    x.response().headers().set("x-answer", std::to_string(state.answer)).or_fail();
    return Verdict::CONTINUE;
  }
};

TEST_CASE("a job runs in the pool and its end on the worker") {
  FakeGateway gateway;
  gateway.load(query<Computes>).configure();
  FakeExchange& x = gateway.request("GET", "/").send();
  CHECK(x.suspended());
  gateway.run();
  CHECK(x.run().response_headers().get("x-answer") == "42");
}

struct Fails {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request, on_response");
  struct State {
    postern::Work told, untold;
    std::string heard = "nothing";
    bool ran_untold = false;
  };
  explicit Fails(postern::Setup& setup, postern::Node) : lane_(setup.instance(), "failures", 1, 10) {}
  Verdict on_request(Exchange& x, State& state) {
    auto fail = [] { throw std::runtime_error("on purpose"); };
    state.untold = postern::Work(x.instance(), fail, [&state] { state.ran_untold = true; });
    state.told = postern::Work(x.instance(), lane_, fail, [&state, ticket = x.pause()](postern::Status status) {
      state.heard = status == POSTERN_E_FAILED ? "failed" : "ok";
      ticket.resume();
    });
    return Verdict::SUSPEND;
  }
  Verdict on_response(Exchange& x, State& state) {
    x.response().headers().set("x-heard", state.heard).or_fail();
    x.response().headers().set("x-ran-untold", state.ran_untold ? "yes" : "no").or_fail();
    return Verdict::CONTINUE;
  }
  postern::Lane lane_;
};

// F32
TEST_CASE("the end of a job that threw hears of it, or is not called") {
  FakeGateway gateway;
  gateway.load(query<Fails>).configure();
  FakeExchange& x = gateway.request("GET", "/").send();
  gateway.run();
  x.run();
  CHECK(x.response_headers().get("x-heard") == "failed");
  CHECK(x.response_headers().get("x-ran-untold") == "no");
}

TEST_CASE("a job whose exchange has ended is cancelled") {
  FakeGateway gateway;
  gateway.load(query<Computes>).configure();
  gateway.request("GET", "/").send().abort();
  gateway.run();
}

struct Ticks {
  static constexpr auto kHooks = postern::detail::named_hooks("on_worker_start, on_request");
  explicit Ticks(postern::Setup& setup, postern::Node) : instance_(setup.instance()) {}
  void on_worker_start(std::uint32_t worker_index) {
    timer_ = postern::Timer::every(instance_, 1000, [this] {
      if (++ticks_ == 3) timer_ = {};  // a timer may destroy itself
    });
    postern::post(instance_, worker_index, [this] { posted_ = true; }).or_fail();
  }
  Verdict on_request(Exchange& x) {
    x.request().headers().set("x-ticks", std::to_string(ticks_)).or_fail();
    x.request().headers().set("x-posted", posted_ ? "yes" : "no").or_fail();
    return Verdict::CONTINUE;
  }
  postern::Instance instance_;
  postern::Timer timer_;
  int ticks_ = 0;
  bool posted_ = false;
};

TEST_CASE("a repeating timer ticks until it is dropped, even by itself") {
  FakeGateway gateway;
  gateway.load(query<Ticks>).configure();
  gateway.advance(10'000);
  FakeExchange& x = gateway.get("/");
  CHECK(x.upstream_headers().get("x-ticks") == "3");
  CHECK(x.upstream_headers().get("x-posted") == "yes");
}

struct ThrowsLater {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  struct State {
    postern::Timer timer;
  };
  Verdict on_request(Exchange& x, State& state) {
    (void)x.pause();
    state.timer = postern::Timer(x.instance(), 1, [] { throw std::runtime_error("thrown in a timer"); });
    return Verdict::SUSPEND;
  }
};

TEST_CASE("what a callback throws is logged, and a forgotten exchange meets its deadline") {
  FakeGateway gateway;
  gateway.load(query<ThrowsLater>).configure();
  FakeExchange& x = gateway.request("GET", "/").send();
  gateway.advance(5'001);
  CHECK(gateway.logged("thrown in a timer"));
  CHECK(x.status() == 504);
}

}  // namespace
