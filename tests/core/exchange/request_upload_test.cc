#include "exchange/request_upload.h"

#include <doctest/doctest.h>

#include "core/exchange/setting.h"

namespace postern::proxy {
namespace {

constexpr http::BodyFraming kChunked{http::BodyKind::chunked, 0};

// A request's body between a client and an attempt, and what the exchange hears of it.
struct Story final : Setting, RequestUpload::Host, ChainRun::Host {
  explicit Story(http::BodyFraming body = kChunked) : framing(body) {}

  http::BodyFraming framing;
  FakeAttempt attempt;
  std::string heard;
  std::optional<ChainRun> chain_run;
  std::optional<RequestUpload> made;

  RequestUpload& upload() {
    if (made) return *made;
    ExchangeContext& x = context("POST", framing);
    chain_run.emplace(*this, x);
    chain_run->use(the_route().chain);
    return made.emplace(*this, x, *chain_run, attempt);
  }
  void from_client(std::string_view bytes) { upload().on_body(bytes); }
  void client_ends() {
    context().request_ended = true;
    upload().on_end(nullptr);
  }
  // A plugin that sees the body; what it saw is written down with '|' for each call.
  FakePlugin& body_plugin(postern_body_policy policy, std::string& seen) {
    FakePlugin& p = plugin();
    p.request_policy = policy;
    p.request_body = [&seen](std::string_view bytes, std::uint32_t) {
      seen.append(bytes) += "|";
      return POSTERN_CONTINUE;
    };
    return p;
  }
  // The framing that the upstream is told.
  http::BodyFraming framed() {
    http::RequestHead head = *context().request;
    upload().frame(head);
    return head.body;
  }

  void on_body_collected() override { heard += "collected "; }
  void on_body_refused(const Error& error) override { heard += "refused:" + std::string(name_of(error.code)) + " "; }
  void on_upload_failed(const Error& error) override { heard += "failed:" + std::string(name_of(error.code)) + " "; }
  bool takes_answer() const noexcept override { return true; }
  void on_answer(const LocalAnswer&) override {}
  void on_hook_failure(const Error& error) override { heard += "hook:" + std::string(name_of(error.code)) + " "; }
  void on_abort() override { heard += "abort "; }
  void on_resumed(std::uint64_t number) override { chain_run->go_on(number); }
  void on_resume(Lane, postern_verdict verdict) override { upload().resume(verdict); }
};

TEST_CASE("the client's body waits until an attempt takes it, and streams from then on") {
  Story s;
  CHECK(s.upload().collect());  // nobody wants all of it
  CHECK(s.client.flow.empty());
  s.upload().start();
  CHECK(s.client.flow == std::vector{true});
  s.from_client("one");
  s.from_client("two");
  s.client_ends();
  CHECK(s.attempt.body == "onetwo");
  CHECK(s.attempt.ended);
  CHECK(s.upload().bytes() == 6);
}

TEST_CASE("an upstream that does not read stops the client, and lets it go on") {
  Story s;
  s.upload().collect();
  s.upload().start();
  s.attempt.full = true;
  s.from_client("one");
  CHECK(s.client.flow == std::vector{true, false});
  s.attempt.full = false;
  s.upload().on_drained();
  CHECK(s.client.flow == std::vector{true, false, true});
}

TEST_CASE("a body that a plugin wants whole is collected first, and goes on with its length") {
  Story s;
  std::string seen;
  s.body_plugin(body_policy(POSTERN_BODY_BUFFER), seen);
  CHECK_FALSE(s.upload().collect());
  CHECK(s.client.flow == std::vector{true});
  s.from_client("one");
  s.from_client("two");
  CHECK(s.heard.empty());
  s.client_ends();
  CHECK(s.heard == "collected ");
  CHECK(seen == "onetwo|");
  CHECK(s.framed().kind == http::BodyKind::length);
  CHECK(s.framed().length == 6);
  CHECK(s.attempt.body.empty());
  s.upload().start();
  CHECK(s.attempt.body == "onetwo");
  CHECK(s.attempt.ended);
}

TEST_CASE("a body that streams past a plugin which may change it has no length that could be promised") {
  Story s({http::BodyKind::length, 6});
  std::string seen;
  s.body_plugin(body_policy(POSTERN_BODY_STREAM), seen);
  CHECK(s.upload().collect());
  CHECK(s.framed().kind == http::BodyKind::chunked);
  s.upload().start();
  s.from_client("one");
  s.from_client("two");
  CHECK(seen == "one|two|");
}

TEST_CASE("while a body hook is suspended the client's body does not flow") {
  Story s;
  postern_ticket ticket{};
  FakePlugin& plugin = s.plugin();
  plugin.request_policy = body_policy(POSTERN_BODY_STREAM);
  plugin.request_body = [&](std::string_view, std::uint32_t) {
    s.chain_run->pause(ticket);
    return POSTERN_SUSPEND;
  };
  s.upload().collect();
  s.upload().start();
  s.from_client("one");
  CHECK(s.client.flow == std::vector{true, false});
  CHECK(s.attempt.body.empty());
  s.chain_run->resume(ticket.pause, POSTERN_CONTINUE);
  CHECK(s.attempt.body == "one");
  CHECK(s.client.flow == std::vector{true, false, true});
}

// ---- Another attempt -----------------------------------------------------------------------------------------------------

TEST_CASE("what has been sent is sent again, and what comes meanwhile waits behind it") {
  Story s;
  s.upload().collect();
  s.upload().start();
  s.from_client("one");
  s.upload().hold();
  CHECK(s.client.flow == std::vector{true, false});
  s.from_client("two");  // was on its way
  CHECK(s.attempt.body == "one");
  CHECK(s.upload().replayable());
  s.attempt.body.clear();
  s.upload().start();
  CHECK(s.attempt.body == "onetwo");
  CHECK(s.client.flow == std::vector{true, false, true});
}

TEST_CASE("a replay goes no faster than the upstream reads") {
  Story s;
  std::string seen;
  s.body_plugin(body_policy(POSTERN_BODY_BUFFER), seen);
  s.upload().collect();
  s.from_client(std::string(100'000, 'a'));
  s.client_ends();
  s.attempt.full = true;
  s.upload().start();
  CHECK(s.attempt.body.empty());
  s.attempt.full = false;
  s.upload().on_drained();
  CHECK(s.attempt.body.size() == 100'000);
  CHECK(s.attempt.ended);
}

TEST_CASE("a body that outgrows what is kept cannot be sent again, and its memory is let go") {
  Story s;
  s.upload().collect();
  s.upload().start();
  s.from_client(std::string(RequestUpload::kReplayLimit, 'a'));
  CHECK(s.upload().replayable());
  CHECK(s.worker.buffered_bytes() == static_cast<std::int64_t>(RequestUpload::kReplayLimit));
  s.from_client("b");
  CHECK_FALSE(s.upload().replayable());
  CHECK(s.worker.buffered_bytes() == 0);
  CHECK(s.attempt.body.size() == RequestUpload::kReplayLimit + 1);
}

TEST_CASE("when the upstream has answered, nothing is kept for another attempt") {
  Story s;
  s.upload().collect();
  s.upload().start();
  s.from_client("one");
  s.upload().forget_replay();
  CHECK_FALSE(s.upload().replayable());
  CHECK(s.worker.buffered_bytes() == 0);
  s.from_client("two");
  CHECK(s.attempt.body == "onetwo");
}

// ---- Given bodies, limits ------------------------------------------------------------------------------------------------

TEST_CASE("a given body passes the hooks behind its giver, and can always be sent again") {
  Story s{http::BodyFraming{}};
  std::string before, behind;
  s.body_plugin(body_policy(POSTERN_BODY_STREAM), before);
  s.plugin().request = [] { return POSTERN_CONTINUE; };
  s.body_plugin(body_policy(POSTERN_BODY_STREAM), behind).request_policy.modifies = 0;
  CHECK_FALSE(s.upload().has_body());
  s.upload().give(1, std::string(RequestUpload::kReplayLimit + 1, 'g'));
  CHECK(s.upload().has_body());
  CHECK(s.upload().collect());
  CHECK(before.empty());
  CHECK(behind.size() == RequestUpload::kReplayLimit + 2);  // with the '|'
  CHECK(s.framed().length == RequestUpload::kReplayLimit + 1);
  s.upload().start();
  CHECK(s.attempt.ended);
  CHECK(s.upload().replayable());
}

TEST_CASE("a body that is larger than the route takes is refused, by its length or when it comes") {
  Story s({http::BodyKind::length, 11});
  s.route = "body_limit: 10b";
  CHECK(s.upload().announces_too_much());
  s.upload().collect();
  s.upload().start();
  s.from_client("0123456789");
  CHECK(s.heard.empty());
  s.from_client("+");
  CHECK(s.heard == "refused:PAYLOAD_TOO_LARGE ");
}

TEST_CASE(
    "a body that is larger than its plugin accepts is refused; when memory is used up it is the gateway's fault") {
  for (bool memory : {false, true}) {
    Story s;
    std::string seen;
    s.body_plugin(body_policy(POSTERN_BODY_BUFFER, memory ? 200'000 : 5), seen);
    s.limits = "{body_buffer_total: 64k}";
    s.upload().collect();
    s.from_client(std::string(memory ? 100'000 : 6, 'a'));
    CHECK(s.heard == (memory ? "failed:SERVICE_UNAVAILABLE " : "refused:PAYLOAD_TOO_LARGE "));
    CHECK(seen.empty());
    CHECK(s.worker.buffered_bytes() == 0);
  }
}

TEST_CASE("once the request is answered, what still comes of its body is dropped") {
  Story s;
  s.upload().collect();
  s.upload().start();
  s.upload().discard();
  s.from_client("late");
  s.client_ends();
  CHECK(s.attempt.body.empty());
  CHECK_FALSE(s.attempt.ended);
  CHECK(s.upload().bytes() == 4);
}

}  // namespace
}  // namespace postern::proxy
