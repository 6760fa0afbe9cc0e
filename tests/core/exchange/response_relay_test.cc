#include "exchange/response_relay.h"

#include <doctest/doctest.h>

#include "core/exchange/setting.h"
#include "exchange/local_reply.h"

namespace postern::proxy {
namespace {

constexpr http::BodyFraming kChunked{http::BodyKind::chunked, 0};
constexpr http::BodyFraming of(std::uint64_t length) { return {http::BodyKind::length, length}; }

// A response between an attempt and a client, and what the exchange hears of it.
struct Story final : Setting, ResponseRelay::Host, ChainRun::Host {
  explicit Story(std::string_view of_method = "GET") : method(of_method) {}

  std::string_view method;
  FakeAttempt attempt;
  std::string heard;
  std::optional<ChainRun> chain_run;
  std::optional<ResponseRelay> made;

  ResponseRelay& relay() {
    if (made) return *made;
    ExchangeContext& x = context(method);
    chain_run.emplace(*this, x);
    chain_run->use(the_route().chain);
    chain_run->reach_all();
    return made.emplace(*this, x, *chain_run, attempt);
  }
  // The upstream's head has come, and the response hooks have run.
  void answered(std::uint16_t status, http::BodyFraming framing, bool ends = false) {
    relay().take(response(status, framing), ends);
    relay().start();
  }
  void answered_here(std::uint16_t status, std::string_view body) {
    relay().take(make_answer(status, "text/plain", body, context().arena));
    relay().start();
  }
  void upstream_ends() { relay().on_end(nullptr); }
  FakePlugin& body_plugin(postern_body_policy policy, std::function<postern_verdict(std::string_view)> hook) {
    FakePlugin& p = plugin();
    p.response_policy = policy;
    p.response_body = [hook](std::string_view bytes, std::uint32_t) { return hook(bytes); };
    return p;
  }

  void on_response_sent() override { heard += "sent "; }
  void on_relay_failed(const Error& error) override { heard += "failed:" + std::string(name_of(error.code)) + " "; }
  bool takes_answer() const noexcept override { return !made->head_sent(); }
  void on_answer(const LocalAnswer& answer) override {
    heard += std::to_string(answer.head->status) + " ";
    relay().take(answer);
    relay().start();
  }
  void on_hook_failure(const Error& error) override { heard += "hook:" + std::string(name_of(error.code)) + " "; }
  void on_abort() override { heard += "abort "; }
  void on_resumed(std::uint64_t number) override { chain_run->go_on(number); }
  void on_resume(Lane, postern_verdict verdict) override { relay().resume(verdict); }
};

TEST_CASE("the upstream's head goes out as it is framed, and the body follows piece by piece") {
  for (http::BodyFraming framing : {of(6), kChunked}) {
    Story s;
    s.answered(200, framing);
    CHECK(s.client.status == 200);
    CHECK(s.client.framing.kind == framing.kind);
    CHECK(s.attempt.heard == "resume ");
    s.relay().on_body("one");
    CHECK(s.client.body == "one");
    s.relay().on_body("two");
    s.upstream_ends();
    CHECK(s.client.body == "onetwo");
    CHECK(s.client.ended);
    CHECK(s.heard == "sent ");
    CHECK(s.relay().bytes() == 6);
    CHECK_FALSE(s.relay().must_close());
  }
}

TEST_CASE("a body that ends with the upstream's connection is sent in chunks") {
  Story s;
  s.answered(200, {http::BodyKind::until_close, 0});
  CHECK(s.client.framing.kind == http::BodyKind::chunked);
}

TEST_CASE("trailers go to the client behind the body") {
  Story s;
  s.answered(200, kChunked);
  http::HeaderList trailers(s.context().arena);
  trailers.add("Checksum", "7");
  s.relay().on_body("one");
  s.relay().on_end(&trailers);
  CHECK(s.client.trailers == "Checksum: 7\n");
}

TEST_CASE("a response to HEAD keeps its length and has no body, as have 204 and 304") {
  Story head("HEAD");
  head.answered(200, of(6));
  CHECK(head.client.framing.length == 6);
  CHECK(head.client.ended);
  for (std::uint16_t status : {204, 304}) {
    Story s;
    s.answered(status, {});
    CHECK(s.client.status == status);
    CHECK(s.heard == "sent ");
    CHECK(s.relay().ends_with_head());
  }
}

TEST_CASE("a client that does not read pauses the upstream until it reads again") {
  Story s;
  s.answered(200, kChunked);
  s.client.full = true;
  s.relay().on_body("one");
  CHECK(s.attempt.heard == "resume pause ");
  s.client.full = false;
  s.relay().on_client_drained();
  CHECK(s.attempt.heard == "resume pause resume ");
}

TEST_CASE("a body hook that is suspended pauses the upstream, however well the client reads") {
  Story s;
  postern_ticket ticket{};
  s.body_plugin(body_policy(POSTERN_BODY_STREAM), [&](std::string_view) {
    s.chain_run->pause(ticket);
    return POSTERN_SUSPEND;
  });
  s.answered(200, kChunked);
  s.relay().on_body("one");
  s.relay().on_client_drained();
  CHECK(s.attempt.heard == "resume pause ");
  s.chain_run->resume(ticket.pause, POSTERN_CONTINUE);
  CHECK(s.client.body == "one");
  CHECK(s.attempt.heard == "resume pause resume ");
}

TEST_CASE("the head waits for a plugin that wants the whole body, and then tells the length of what it made of it") {
  Story s;
  s.body_plugin(body_policy(POSTERN_BODY_BUFFER), [&](std::string_view bytes) {
    CHECK(bytes == "onetwo");
    CHECK(s.relay().pipe().replace("three"));
    return POSTERN_CONTINUE;
  });
  s.answered(200, of(6));
  s.relay().on_body("one");
  CHECK_FALSE(s.client.status);
  s.relay().on_body("two");
  s.upstream_ends();
  CHECK(s.client.framing.length == 5);
  CHECK(s.client.body == "three");
  CHECK(s.heard == "sent ");
}

TEST_CASE("a plugin that changes a streaming body makes its length unknown") {
  Story s;
  s.body_plugin(body_policy(POSTERN_BODY_STREAM), [](std::string_view) { return POSTERN_CONTINUE; });
  s.answered(200, of(6));
  CHECK(s.client.framing.kind == http::BodyKind::chunked);
}

TEST_CASE("a plugin that has seen the body may still answer in its place, while no head has gone out") {
  Story s;
  s.body_plugin(body_policy(POSTERN_BODY_BUFFER), [&](std::string_view) {
    s.chain_run->set_answer(make_answer(502, "", "unfit", s.context().arena));
    return POSTERN_RESPOND;
  });
  s.answered(200, of(3));
  s.relay().on_body("one");
  s.upstream_ends();
  CHECK(s.client.status == 502);
  CHECK(s.client.body == "unfit");
  CHECK(s.heard == "502 sent ");
}

TEST_CASE("a body that is larger than its plugin accepts is the upstream's failure") {
  Story s;
  s.body_plugin(body_policy(POSTERN_BODY_BUFFER, 2), [](std::string_view) { return POSTERN_CONTINUE; });
  s.answered(200, kChunked);
  s.relay().on_body("one");
  CHECK(s.heard == "failed:PROXY_ERROR ");
  CHECK_FALSE(s.client.status);
}

// ---- Answers that are made here ----------------------------------------------------------------------------------------------

TEST_CASE("a local answer has its length, and passes the body hooks") {
  Story s;
  std::string seen;
  s.body_plugin(body_policy(POSTERN_BODY_STREAM), [&](std::string_view bytes) {
     seen += bytes;
     return POSTERN_CONTINUE;
   }).response_policy.modifies = 0;
  s.answered_here(403, "no");
  CHECK(s.client.status == 403);
  CHECK(s.client.framing.length == 2);
  CHECK(seen == "no");
  CHECK(s.client.body == "no");
  CHECK(s.heard == "sent ");
  CHECK(s.attempt.heard.empty());
}

// F15: metrics, logs and gRPC are told of the error, whatever the page looks like.
TEST_CASE("an answer that names no error keeps that of the error whose place it takes, unless it is none") {
  struct {
    std::uint16_t status;
    std::uint32_t origin;
    const char* code;
  } const rows[] = {{502, POSTERN_ORIGIN_LOCAL, "PROXY_ERROR"},
                    {404, POSTERN_ORIGIN_LOCAL, "PROXY_ERROR"},
                    {200, POSTERN_ORIGIN_LOCAL, ""},
                    {502, POSTERN_ORIGIN_CACHE, ""}};
  for (const auto& row : rows) {
    CAPTURE(row.status);
    Story s;
    s.relay().take(make_error_answer(502, {"PROXY_ERROR", "not reached", "", 0}, s.context().arena));
    LocalAnswer page = make_answer(row.status, "text/html", "sorry", s.context().arena);
    page.origin = row.origin;
    s.relay().take(page);
    CHECK(s.relay().error_code() == row.code);
    CHECK(s.relay().error_message().empty() == (row.code[0] == 0));
    s.relay().take(make_error_answer(403, {"FORBIDDEN", "no", "", 0}, s.context().arena));
    CHECK(s.relay().error_code() == "FORBIDDEN");
  }
}

TEST_CASE(
    "an answer before the request's body has come closes the connection; an upstream that streams both ways is left "
    "alone") {
  for (std::uint16_t status : {200, 403}) {
    Story s;
    s.context().request_ended = false;
    s.answered(status, kChunked);
    CHECK(s.client.closes == (status == 403));
  }
  Story s;
  s.context().request_ended = false;
  s.answered_here(200, "early");
  CHECK(s.client.closes);
}

TEST_CASE("a gRPC call hears of a local error in a head with 200, and of its timeout as that") {
  Story s("POST");
  s.context().grpc = true;
  ErrorBody error{name_of(ErrorCode::timeout), "too late", {}, 0};
  s.relay().take(make_error_answer(504, error, s.context().arena));
  s.relay().start();
  CHECK(s.client.status == 200);
  CHECK(s.client.headers.find("grpc-status: 4\n") != std::string::npos);
  CHECK(s.client.headers.find("grpc-message: too late\n") != std::string::npos);
  CHECK(s.client.body.empty());
  CHECK(s.relay().head()->status == 504);  // as plugins see it
}

TEST_CASE("nothing goes to a client that is gone") {
  Story s;
  s.answered(200, kChunked);
  s.context().client = nullptr;
  s.relay().on_body("late");
  CHECK(s.client.body.empty());
}

}  // namespace
}  // namespace postern::proxy
