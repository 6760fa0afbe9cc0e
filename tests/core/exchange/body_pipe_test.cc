#include "exchange/body_pipe.h"

#include <doctest/doctest.h>

#include <deque>
#include <functional>

using namespace postern;
using namespace postern::proxy;

namespace {

// Body hooks as functions of what they are called with, and what comes out behind them.
struct Pipe final : BodyPipe::Host {
  using HookFunction = std::function<postern_verdict(std::string_view bytes, std::uint32_t flags)>;

  std::deque<Instance> instances;
  std::vector<Link> chain;
  std::deque<HookFunction> hooks;
  BodyPipe pipe{*this, POSTERN_REQUEST};
  std::string out;
  bool ended = false;
  int deliveries = 0;
  std::int64_t kept = 0;
  std::function<void()> then_on_verdict;

  Pipe& hook(postern_body_policy policy, HookFunction function) {
    instances.emplace_back();
    instances.back().request_body = policy;
    instances.back().number = static_cast<std::uint32_t>(hooks.size());
    hooks.push_back(std::move(function));
    chain.push_back(Link{&instances.back()});
    return *this;
  }
  Pipe& open() {
    pipe.open(chain);
    return *this;
  }

  bool asks(const Link&) override { return true; }
  postern_verdict call_body_hook(const Link& link, std::string_view bytes, std::uint32_t flags) override {
    return hooks[link.instance->number](bytes, flags);
  }
  void deliver(std::string_view bytes, bool end) override {
    ++deliveries;
    out += bytes;
    ended = ended || end;
  }
  void on_pipe_verdict(const Link&, postern_verdict) override {
    if (then_on_verdict) then_on_verdict();
  }
  void on_pipe_overflow(const Link&, bool) override {}
  bool account(const Link*, std::int64_t bytes) override {
    kept += bytes;
    return true;
  }
};

postern_body_policy buffer(std::uint64_t limit, std::uint32_t on_overflow) {
  postern_body_policy policy{};
  policy.policy = POSTERN_BODY_BUFFER;
  policy.limit = limit;
  policy.on_overflow = on_overflow;
  return policy;
}

postern_body_policy stream_policy() {
  postern_body_policy policy{};
  policy.policy = POSTERN_BODY_STREAM;
  return policy;
}

}  // namespace

TEST_CASE("a body that no link sees goes straight on, and only while the pipe is open") {
  Pipe p;
  p.pipe.push("early", true);
  CHECK_FALSE(p.ended);
  p.open();
  p.pipe.push({}, false);  // nothing is no delivery
  CHECK(p.deliveries == 0);
  p.pipe.push("a", false);
  p.pipe.push("bc", false);
  p.pipe.push({}, true);
  CHECK(p.deliveries == 3);
  CHECK(p.out == "abc");
  CHECK(p.ended);
  CHECK_FALSE(p.pipe.replace("x"));
  CHECK_FALSE(p.pipe.holds_head());
  CHECK_FALSE(p.pipe.modifies());
  p.pipe.resume(POSTERN_CONTINUE);  // nobody is suspended
  p.pipe.close();
  p.pipe.push("late", true);
  CHECK(p.deliveries == 3);
  CHECK(p.kept == 0);
}

TEST_CASE("a pipe that had no links may be opened with some, and who detached before stays away") {
  std::string seen;
  auto see = [&](std::string_view bytes, std::uint32_t) {
    seen += bytes;
    return POSTERN_CONTINUE;
  };
  Pipe p;
  p.open();
  p.pipe.push("a", true);
  p.hook(buffer(100, POSTERN_OVERFLOW_REJECT), see).hook(buffer(100, POSTERN_OVERFLOW_REJECT), see);
  p.pipe.detach(p.instances.front());
  p.open();
  CHECK(p.pipe.holds_head());
  p.pipe.push("b", false);
  p.pipe.push("c", true);
  CHECK(seen == "bc");  // once
  CHECK(p.out == "abc");
  p.pipe.open({});  // and with none again
  p.pipe.push("d", true);
  CHECK(seen == "bc");
  CHECK(p.out == "abcd");
  CHECK(p.kept == 0);
}

TEST_CASE("a hook that peeks at a body and waits gets its start; the whole goes on afterwards") {
  for (std::size_t size : {100ul, 200'000ul}) {
    CAPTURE(size);
    std::string shown;
    Pipe p;
    p.hook(buffer(80, POSTERN_OVERFLOW_PEEK), [&](std::string_view bytes, std::uint32_t flags) {
      CHECK((flags & POSTERN_BODY_OVERFLOWED) != 0);
      shown = bytes;
      return POSTERN_SUSPEND;
    });
    p.open();
    p.pipe.push("a", false);
    p.pipe.push(std::string(size, 'b'), false);
    p.pipe.push("c", true);
    CHECK(shown == "a" + std::string(79, 'b'));
    CHECK(p.kept == static_cast<std::int64_t>(size) + 2);
    CHECK(p.out.empty());
    p.pipe.resume(POSTERN_CONTINUE);
    CHECK(p.out == "a" + std::string(size, 'b') + "c");
    CHECK(p.ended);
    CHECK(p.kept == 0);
  }
}

TEST_CASE("what one hook lets pass while it waits is gathered once by the next") {
  std::string whole;
  Pipe p;
  p.hook(buffer(2, POSTERN_OVERFLOW_STREAM), [](std::string_view, std::uint32_t) { return POSTERN_SUSPEND; });
  p.hook(buffer(100, POSTERN_OVERFLOW_REJECT), [&](std::string_view bytes, std::uint32_t) {
    whole += bytes;
    return POSTERN_CONTINUE;
  });
  p.open();
  p.pipe.push("a", false);
  p.pipe.push("bcd", false);
  p.pipe.resume(POSTERN_CONTINUE);
  p.pipe.push("e", true);
  CHECK(whole == "abcde");
  CHECK(p.out == "abcde");
  CHECK(p.kept == 0);
}

TEST_CASE("a body is buffered once for all that want it, and what is kept is accounted") {
  std::vector<std::string> seen;
  auto note = [&](std::string_view bytes, std::uint32_t) {
    seen.emplace_back(bytes);
    return POSTERN_CONTINUE;
  };
  Pipe p;
  p.hook(buffer(100, POSTERN_OVERFLOW_REJECT), note).hook(buffer(100, POSTERN_OVERFLOW_REJECT), note).open();
  p.pipe.push("ab", false);
  CHECK(p.kept == 2);
  p.pipe.push("cd", true);
  CHECK(seen == std::vector<std::string>{"abcd", "abcd"});
  CHECK(p.out == "abcd");
  CHECK(p.kept == 0);
}

TEST_CASE("who chose to stream holds nothing, and the next still gathers all of it") {
  Pipe p;
  std::string pieces;
  p.hook(buffer(2, POSTERN_OVERFLOW_REJECT), [&](std::string_view bytes, std::uint32_t flags) {
    pieces.append(bytes).append(flags == POSTERN_BODY_END ? "." : ",");
    return POSTERN_CONTINUE;
  });
  p.pipe.stream(p.instances[0]);
  p.open();
  CHECK_FALSE(p.pipe.holds_head());
  p.hook(buffer(100, POSTERN_OVERFLOW_REJECT), [&](std::string_view bytes, std::uint32_t flags) {
    CHECK((flags & POSTERN_BODY_WHOLE) != 0);
    pieces.append(bytes);
    return POSTERN_CONTINUE;
  });
  p.open();
  CHECK(p.pipe.holds_head());
  p.pipe.push("one", false);
  p.pipe.push("two", true);
  CHECK(pieces == "one,two.onetwo");
  CHECK(p.out == "onetwo");
  CHECK(p.ended);
  CHECK(p.kept == 0);
}

// ---- A verdict closes the pipe, and an answer opens it again at once ---------------------------------------------------

namespace {

// A verdict is answered with "no", with which the first hook waits; with what comes from the upstream it does what it is told.
Pipe& answering(Pipe& p, Pipe::HookFunction with_upstream) {
  p.hook(stream_policy(), [with_upstream](std::string_view bytes, std::uint32_t flags) {
    return bytes == "no" ? POSTERN_SUSPEND : with_upstream(bytes, flags);
  });
  p.then_on_verdict = [&p] {
    p.pipe.open(std::span(p.chain).first(1));
    p.pipe.push("no", true);
  };
  return p;
}

postern_verdict refuse(std::string_view, std::uint32_t) { return POSTERN_ERROR; }

}  // namespace

TEST_CASE("what was pushed while a hook waited is not of the answer that came in its place") {
  Pipe p;
  answering(p, [](std::string_view, std::uint32_t) { return POSTERN_SUSPEND; }).hook(stream_policy(), refuse).open();
  p.pipe.push("one", false);
  p.pipe.push("two", true);
  p.pipe.resume(POSTERN_CONTINUE);  // the second refuses "one"
  p.pipe.resume(POSTERN_CONTINUE);
  CHECK(p.out == "no");
  CHECK(p.kept == 0);
}

TEST_CASE("a body that was too long for a hook is not of the answer that came in its place") {
  Pipe p;
  answering(p, [](std::string_view, std::uint32_t) { return POSTERN_CONTINUE; });
  p.hook(buffer(2, POSTERN_OVERFLOW_STREAM), refuse).open();
  p.pipe.push("much too long", false);
  CHECK(p.pipe.suspended());
  p.pipe.resume(POSTERN_CONTINUE);
  CHECK(p.out == "no");
  CHECK(p.kept == 0);
}

// A hook may resume the request's body with an answer, for instance, which replaces the response that it is looking at.
TEST_CASE("a body whose own hook had it replaced is not of the answer that came in its place") {
  for (postern_verdict verdict : {POSTERN_CONTINUE, POSTERN_SUSPEND, POSTERN_RESPOND, POSTERN_ERROR}) {
    CAPTURE(verdict);
    Pipe p;
    answering(p, [&p, verdict](std::string_view, std::uint32_t) {
      p.pipe.close();
      p.then_on_verdict();
      return verdict;
    });
    p.open();
    p.pipe.push("one", false);
    CHECK(p.pipe.suspended());
    p.pipe.resume(POSTERN_CONTINUE);
    CHECK(p.out == "no");
    CHECK(p.kept == 0);
  }
}

// abi.h: the bytes of a body hook are valid until it returns.
TEST_CASE("the bytes that a hook reads stay where they are until it returns, though it has them replaced") {
  for (std::size_t size : {10u, 100'000u}) {  // inside the string itself, and in memory that is given back
    CAPTURE(size);
    Pipe p;
    const std::string body(size, 'a'), other(size, 'b');
    std::string after;
    p.hook(buffer(1'000'000, POSTERN_OVERFLOW_REJECT), [&](std::string_view bytes, std::uint32_t) {
      if (bytes != body) return POSTERN_CONTINUE;
      p.pipe.close();
      p.open();
      p.pipe.push(other, false);
      after = bytes;
      return POSTERN_CONTINUE;
    });
    p.open();
    p.pipe.push(body.substr(0, 5), false);
    p.pipe.push(body.substr(5), true);
    CHECK((after == body));
    p.pipe.push({}, true);
    CHECK((p.out == other));
    CHECK(p.kept == 0);
  }
}

TEST_CASE("an instance that detached stays so for the body that comes in place of another") {
  Pipe p;
  p.hook(buffer(100, POSTERN_OVERFLOW_REJECT), [&](std::string_view, std::uint32_t) {
    p.pipe.detach(p.instances.front());
    p.pipe.close();
    p.open();
    return POSTERN_CONTINUE;
  });
  p.open();
  p.pipe.push("one", true);
  p.pipe.push("two", false);
  CHECK(p.out == "two");
}
