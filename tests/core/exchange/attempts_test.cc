#include "exchange/attempts.h"

#include <doctest/doctest.h>

#include "core/exchange/fake_upstream.h"

namespace postern::proxy {
namespace {

using Next = Attempts::Next;

AttemptFailure reset(bool stale, bool never_sent = false) {
  return {POSTERN_OUTCOME_RESET, Error::upstream(ErrorCode::proxy_error, "reset"), never_sent, stale};
}

// Attempts of one request, and what the exchange hears of them.
struct Story final : Setting, Attempts::Host, ChainRun::Host {
  explicit Story(std::string_view of_method = "GET") : method(of_method) {}

  std::string_view method;
  std::string heard;
  FakeUpstream upstreams{*this};
  std::optional<ChainRun> chain_run;
  std::optional<Attempts> made;

  Attempts& attempts() {
    if (made) return *made;
    ExchangeContext& x = context(method);
    chain_run.emplace(*this, x);
    chain_run->use(the_route().chain);
    made.emplace(*this, x, *chain_run);
    made->use(the_route().upstream);
    return *made;
  }
  // Connects and sends the head.
  void ask() {
    CHECK(attempts().choose() == Attempts::Choice::made);
    CHECK(attempts().connect());
    CHECK(attempts().prepare_head({}));
    attempts().send_head();
  }
  // A plugin that asks for another attempt after each result, and notes whether it could.
  void add_retrier(std::uint32_t delay_ms) {
    plugin().upstream_result = [this, delay_ms](const postern_upstream_result& result) {
      bool may = attempts().retry(delay_ms) == POSTERN_OK;
      CHECK(may == (result.retryable != 0));
      heard += std::to_string(result.attempt) + (may ? "+ " : "- ");
    };
  }

  void on_names_resolved() override { heard += "resolved "; }
  void on_unresolved(const Error& error) override { heard += error.text; }
  void on_retry_due() override { heard += "due "; }
  Arena& response_arena() override { return context().arena; }
  std::string proxy_header(net::ProxyVersion) const override { return {}; }
  void on_connected() override { heard += "connected "; }
  void on_attempt_failed(const AttemptFailure& failure) override { heard += failure.error.text + " "; }
  void on_upstream_head(http::ResponseHead& head, bool) override { heard += std::to_string(head.status) + " "; }
  void on_upstream_informational(http::ResponseHead&) override {}
  void on_upstream_body(std::string_view) override {}
  void on_upstream_body_end(http::HeaderList*) override {}
  void on_upstream_broken(const Error&) override {}
  void on_upstream_drained() override {}
  bool takes_answer() const noexcept override { return true; }
  void on_answer(const LocalAnswer&) override {}
  void on_hook_failure(const Error&) override {}
  void on_abort() override {}
  void on_resumed(std::uint64_t number) override { chain_run->go_on(number); }
  void on_resume(Lane, postern_verdict) override {}
};

TEST_CASE("an attempt takes a connection, sends the head as the upstream is to see it, and hears the answer") {
  Story s;
  s.upstream = "{targets: [127.0.0.1:9], preserve_host: false}";
  FakeConnection& connection = s.upstreams.connection();
  s.context().request->headers.add("Proxy-Authorization", "Basic secret");
  s.context().request->headers.add("Accept", "text/html");
  s.ask();
  CHECK(connection.head.starts_with("GET /\nHost: 127.0.0.1:9\nAccept: text/html\nX-Forwarded-For: 192.0.2.7\n"));
  CHECK(s.attempts().endpoint() == "127.0.0.1:9");
  CHECK(s.attempts().connect_ns() == 7);
  connection.answer(s.response(200, {}));
  CHECK(s.heard == "200 ");
  s.attempts().end(/*reuse=*/true);
  CHECK(connection.given_back);
}

TEST_CASE("an exchange that ends early does not give its connection back") {
  Story s;
  FakeConnection& connection = s.upstreams.connection();
  s.ask();
  s.attempts().end(/*reuse=*/false);
  CHECK(connection.discarded);
}

TEST_CASE("when no endpoint is available the attempt fails at once") {
  Story s;
  s.attempts().upstream()->set_available("127.0.0.1:9", false);
  CHECK(s.attempts().choose() == Attempts::Choice::made);
  CHECK_FALSE(s.attempts().connect());
  CHECK(s.heard == "no available endpoint in upstream u ");
}

TEST_CASE("a plugin's choice of an endpoint holds for one attempt") {
  Story s;
  s.upstream = "{targets: [127.0.0.1:9, 127.0.0.2:9]}";
  FakeConnection& first = s.upstreams.connection(0);
  FakeConnection& second = s.upstreams.connection(1);
  s.attempts().upstream()->set_available("127.0.0.2:9", false);  // a plugin may know better than the balancer
  s.attempts().prefer(1);
  s.ask();
  CHECK(second.user != nullptr);
  s.ask();
  CHECK(first.user != nullptr);
}

// ---- Stale connections ---------------------------------------------------------------------------------------------------

TEST_CASE("a request whose connection was stale is sent again three times and counts as one attempt") {
  Story s;
  for (int i = 0; i < 4; ++i) {
    FakeConnection& connection = s.upstreams.connection();
    connection.has_served();
    s.ask();
    connection.lose();
    CHECK(s.attempts().after_failure(reset(/*stale=*/true), /*replayable=*/true) ==
          (i < 3 ? Next::connect : Next::give_up));
  }
  CHECK(s.attempts().count() == 1);
}

TEST_CASE("after a stale connection only what is safe is sent again") {
  struct {
    std::string_view method;
    bool never_sent, replayable;
    Next next;
  } const cases[] = {{"GET", false, true, Next::connect},  {"PUT", false, true, Next::connect},
                     {"POST", false, true, Next::give_up}, {"PATCH", false, true, Next::give_up},
                     {"POST", true, true, Next::connect},  {"POST", true, false, Next::give_up},
                     {"PUT", false, false, Next::give_up}};
  for (const auto& c : cases) {
    CAPTURE(c.method);
    Story s(c.method);
    CHECK(s.attempts().after_failure(reset(/*stale=*/true, c.never_sent), c.replayable) == c.next);
  }
  Story fresh;
  CHECK(fresh.attempts().after_failure(reset(/*stale=*/false), true) == Next::give_up);
}

// ---- Attempts that a plugin asks for -------------------------------------------------------------------------------------

TEST_CASE("a plugin may have five attempts, each after its delay") {
  Story s("POST");
  s.add_retrier(300);
  for (int i = 1; i <= 5; ++i) {
    FakeConnection& connection = s.upstreams.connection();
    s.ask();
    connection.lose();
    CHECK(s.attempts().after_failure(reset(false), true) == (i < 5 ? Next::retry_later : Next::give_up));
  }
  CHECK(s.attempts().count() == 5);
}

TEST_CASE("the next attempt waits for the delay") {
  Story s;
  s.add_retrier(300);
  CHECK(s.attempts().after_failure(reset(false), true) == Next::retry_later);
  s.pass_ms(200);
  CHECK(s.heard == "0+ ");
  s.pass_ms(200);
  CHECK(s.heard == "0+ due ");
}

TEST_CASE("a request that cannot be sent again is not, and outside of the hook nobody may ask") {
  Story s;
  s.add_retrier(0);
  CHECK(s.attempts().after_failure(reset(false), /*replayable=*/false) == Next::give_up);
  CHECK(s.heard == "0- ");
  CHECK(s.attempts().retry(0) == POSTERN_E_STATE);
}

TEST_CASE("a plugin may refuse an answer and have another attempt, whose connection is a new one") {
  Story s;
  s.add_retrier(0);
  FakeConnection& connection = s.upstreams.connection();
  s.ask();
  CHECK(s.attempts().repeats_after(503, true));
  CHECK(connection.discarded);
  CHECK_FALSE(s.attempts().repeats_after(503, false));
}

TEST_CASE("an exchange that is over waits for no retry") {
  Story s;
  s.add_retrier(300);
  CHECK(s.attempts().after_failure(reset(false), true) == Next::retry_later);
  s.attempts().cancel();
  s.pass_ms(1'000);
  CHECK(s.heard == "0+ ");
}

// ---- Names ---------------------------------------------------------------------------------------------------------------

TEST_CASE("names that are not resolved yet are waited for, as long as connecting may take") {
  Story s;
  s.upstream = "{targets: [\"localhost:9\"], timeouts: {connect: 1s}}";
  CHECK(s.attempts().choose() == Attempts::Choice::waits_for_names);
  s.pass_ms(1'000);
  CHECK(s.heard == "the names of upstream u are not resolved yet");
}

TEST_CASE("the exchange goes on when the names are resolved") {
  Story s;
  s.upstream = "{targets: [\"localhost:9\"]}";
  CHECK(s.attempts().choose() == Attempts::Choice::waits_for_names);
  while (s.heard.empty()) s.worker.loop().run_once();
  CHECK(s.heard == "resolved ");
  CHECK(s.attempts().choose() == Attempts::Choice::made);
}

}  // namespace
}  // namespace postern::proxy
