#include "exchange/chain_run.h"

#include <doctest/doctest.h>

#include "base/regex.h"
#include "core/exchange/setting.h"
#include "exchange/local_reply.h"

namespace postern::proxy {
namespace {

using Run = ChainRun::Run;

// A run over the route's chain, and what the exchange hears of it.
struct Story final : Setting, ChainRun::Host {
  std::string heard;
  bool head_sent = false;
  std::optional<ChainRun> made;

  ChainRun& chain() {
    if (made) return *made;
    made.emplace(*this, context());
    made->use(plan().plan().gateway_chain);
    made->use(the_route().chain);
    return *made;
  }
  // Hooks that leave a trace and answer `verdict`.
  std::function<postern_verdict()> say(std::string word, postern_verdict verdict = POSTERN_CONTINUE) {
    return [this, word, verdict] {
      heard += word + " ";
      return verdict;
    };
  }
  std::function<postern_verdict()> answer(std::uint16_t status) {
    return [this, status] {
      chain().set_answer(make_answer(status, "text/plain", "no", context().arena));
      return POSTERN_RESPOND;
    };
  }
  std::function<postern_verdict()> suspend(postern_ticket& ticket) {
    return [this, &ticket] {
      CHECK(chain().pause(ticket) == POSTERN_OK);
      return POSTERN_SUSPEND;
    };
  }
  Run run_all(Hook hook) {
    Run run = chain().run(hook);
    if (hook == Hook::request && run == Run::finished) chain().reach_all();
    return run;
  }
  const HookCounters& counters(std::size_t plugin) { return *plan().counters_of(chain().links()[plugin].number); }

  bool takes_answer() const noexcept override { return !head_sent; }
  void on_answer(const LocalAnswer& given) override { heard += std::to_string(given.head->status) + " "; }
  void on_hook_failure(const Error& error) override {
    heard += std::string(name_of(error.code)) + "(" + error.text + ") ";
    chain().forget_all();
  }
  void on_abort() override { heard += "abort "; }
  void on_resumed(std::uint64_t number) override { chain().go_on(number); }
  void on_resume(Lane lane, postern_verdict) override {
    heard += lane == Lane::head ? "on " : lane == Lane::request_body ? "upload " : "download ";
  }
};

TEST_CASE("requests pass the chain in order, responses backwards through those that were reached") {
  Story s;
  for (auto word : {"one", "two", "three"}) {
    FakePlugin& plugin = s.plugin();
    plugin.request = s.say(word);
    plugin.response = s.say(std::string("-") + word);
  }
  s.plugins[1].request = s.answer(403);
  CHECK(s.run_all(Hook::request) == Run::ended);
  s.chain().restart_hooks();
  CHECK(s.run_all(Hook::response) == Run::finished);
  CHECK(s.heard == "one 403 -two -one ");
}

TEST_CASE("what a hook says changes the course of the exchange") {
  struct {
    postern_verdict verdict;
    std::string heard;
  } const cases[] = {
      {POSTERN_ABORT, "abort "},
      {POSTERN_ERROR, "INTERNAL_ERROR(plugin p1 failed in on_request) "},
      {POSTERN_RESPOND, "INTERNAL_ERROR(plugin p1 failed in on_request) "},  // without a response
      {POSTERN_SUSPEND, "INTERNAL_ERROR(plugin p1 failed in on_request) "},  // without a ticket
      {static_cast<postern_verdict>(99), "INTERNAL_ERROR(plugin p1 failed in on_request) "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.verdict);
    Story s;
    s.plugin().request = [&] { return c.verdict; };
    s.plugin().request = s.say("next");
    CHECK(s.run_all(Hook::request) == Run::ended);
    CHECK(s.heard == c.heard);
    CHECK(s.counters(0).hooks[static_cast<std::size_t>(Hook::request)].errors.get() == (c.heard[0] == 'a' ? 0 : 1));
  }
}

TEST_CASE("what a hook throws is its error, and on_error decides what it counts for") {
  for (bool fail_open : {false, true}) {
    Story s;
    FakePlugin& plugin = s.plugin();
    plugin.fail_open = fail_open;
    plugin.request = []() -> postern_verdict { throw std::runtime_error("out of luck"); };
    s.plugin().request = s.say("next");
    CHECK(s.run_all(Hook::request) == (fail_open ? Run::finished : Run::ended));
    CHECK(s.heard == (fail_open ? "next " : "INTERNAL_ERROR(plugin p1 failed in on_request) "));
  }
}

TEST_CASE("a plugin that fails open still refuses requests") {
  Story s;
  s.plugin().request = s.answer(401);
  s.plugins[0].fail_open = true;
  CHECK(s.run_all(Hook::request) == Run::ended);
  CHECK(s.heard == "401 ");
}

TEST_CASE("in shadow mode no verdict changes anything, and each is counted") {
  for (postern_verdict verdict : {POSTERN_ABORT, POSTERN_ERROR, POSTERN_RESPOND}) {
    Story s;
    FakePlugin& plugin = s.plugin();
    plugin.shadow = true;
    plugin.request = [&] { return verdict; };
    s.plugin().request = s.say("next");
    CHECK(s.run_all(Hook::request) == Run::finished);
    CHECK(s.heard == "next ");
    CHECK(s.counters(0).shadowed.get() == 1);
  }
}

TEST_CASE("a condition is judged once, for all hooks of its plugin") {
  Story s;
  FakePlugin& asked = s.plugin();
  asked.when = "consumer.trusted";
  asked.request = s.say("asked");
  asked.response = s.say("-asked");
  FakePlugin& passed_by = s.plugin();
  passed_by.when = "!consumer.trusted";
  passed_by.request = s.say("passed_by");
  CHECK(s.run_all(Hook::request) == Run::finished);
  CHECK(s.run_all(Hook::response) == Run::finished);
  CHECK(s.heard == "asked -asked ");
  CHECK(s.variables.reads == 2);  // one for each of the two conditions
}

// F24: whatever on_error says, a client must not have a guard passed over. Shadow mode changes nothing here either.
TEST_CASE("a plugin whose condition cannot be judged is not passed over: the exchange fails, once") {
  for (bool shadow : {false, true}) {
    CAPTURE(shadow);
    Story s;
    s.variables.text = std::string(Regex::kLongestText + 1, 'a');
    FakePlugin& guard = s.plugin();
    guard.when = "request.path matches \"^/admin\"";
    guard.fail_open = true;
    guard.shadow = shadow;
    guard.request = s.say("guard");
    guard.response = s.say("-guard");
    s.plugin().request = s.say("next");
    CHECK(s.run_all(Hook::request) == (shadow ? Run::finished : Run::ended));
    s.chain().restart_hooks();
    CHECK(s.run_all(Hook::response) == Run::finished);
    CHECK(s.heard == (shadow ? "next " : "INTERNAL_ERROR(plugin p1 failed in on_request) "));
    CHECK(s.counters(0).hooks[static_cast<std::size_t>(Hook::request)].errors.get() == 1);
  }
}

TEST_CASE("an instance has its slot, empty at first, in all hooks and in both chains") {
  Story s;
  FakePlugin& wide = s.plugin();
  wide.gateway_wide = true;
  wide.request_early = s.say("early");
  wide.request = s.say("request");
  FakePlugin& other = s.plugin();
  other.request = s.say("other");
  s.made.emplace(s, s.context());
  s.made->use(s.plan().plan().gateway_chain);
  CHECK(s.made->run(Hook::request_early) == Run::finished);
  auto* first = static_cast<char*>(wide.slot);
  CHECK(std::string_view(first, 16) == std::string(16, '\0'));
  *first = 'x';
  s.made->use(s.the_route().chain);
  CHECK(s.made->run(Hook::request) == Run::finished);
  CHECK(wide.slot == first);
  CHECK(*first == 'x');
  CHECK(std::string_view(static_cast<char*>(other.slot), 16) == std::string(16, '\0'));
}

// ---- Answers (F21) ---------------------------------------------------------------------------------------------------

TEST_CASE(
    "a hook that has answered is taken at its word, whatever it returns and whether or not it throws afterwards") {
  for (bool fail_open : {false, true}) {
    for (postern_verdict verdict : {POSTERN_CONTINUE, POSTERN_RESPOND, POSTERN_ERROR, 77}) {
      Story s;
      s.plugin().request = [&] {
        s.answer(403)();
        if (verdict == 77) throw std::runtime_error("late");
        return verdict;
      };
      s.plugins[0].fail_open = fail_open;
      CHECK(s.run_all(Hook::request) == Run::ended);
      CHECK(s.heard == "403 ");
    }
  }
}

TEST_CASE("ABORT wins over an answer, and a later answer over an earlier one") {
  Story aborts;
  aborts.plugin().request = [&] {
    aborts.answer(403)();
    return POSTERN_ABORT;
  };
  aborts.run_all(Hook::request);
  CHECK(aborts.heard == "abort ");
  Story twice;
  twice.plugin().request = [&] {
    twice.answer(403)();
    return twice.answer(429)();
  };
  twice.run_all(Hook::request);
  CHECK(twice.heard == "429 ");
}

TEST_CASE("an answer that is none refuses the request with 500, even of a plugin that fails open") {
  Story s;
  s.plugin().request = [&] {
    s.chain().refuse_answer();
    return POSTERN_CONTINUE;
  };
  s.plugins[0].fail_open = true;
  CHECK(s.run_all(Hook::request) == Run::ended);
  CHECK(s.heard == "INTERNAL_ERROR(plugin p1 failed in on_request) ");
}

TEST_CASE("a hook that has answered and is never resumed gives its answer at its deadline") {
  Story s;
  postern_ticket ticket{};
  s.plugin().request = [&] {
    s.answer(403)();
    return s.suspend(ticket)();
  };
  s.plugins[0].fail_open = true;
  s.plugins[0].timeout_ms = 300;
  CHECK(s.run_all(Hook::request) == Run::suspended);
  s.pass_ms(400);
  CHECK(s.heard == "403 ");
}

// ---- Suspension ------------------------------------------------------------------------------------------------------

TEST_CASE("a hook that suspends goes on behind itself when it is resumed, and only once") {
  Story s;
  postern_ticket ticket{};
  s.plugin().request = s.suspend(ticket);
  s.plugin().request = s.say("next");
  CHECK(s.run_all(Hook::request) == Run::suspended);
  call_back(*s.chain().links()[0].instance, [&] { CHECK(s.chain().acting() == s.chain().links()[0].instance); });
  call_back(*s.chain().links()[1].instance, [&] { CHECK(s.chain().acting() == nullptr); });
  CHECK(s.chain().resume(ticket.pause, POSTERN_SUSPEND) == POSTERN_E_INVALID);
  CHECK(s.chain().resume(ticket.pause + 1, POSTERN_CONTINUE) == POSTERN_E_GONE);
  CHECK(s.chain().resume(0, POSTERN_CONTINUE) == POSTERN_E_GONE);
  CHECK(s.chain().resume(ticket.pause, POSTERN_CONTINUE) == POSTERN_OK);
  CHECK(s.run_all(Hook::request) == Run::finished);
  CHECK(s.chain().resume(ticket.pause, POSTERN_ABORT) == POSTERN_E_GONE);
  CHECK(s.heard == "on next ");
  call_back(*s.chain().links()[0].instance, [&] { CHECK(s.chain().acting() == nullptr); });
}

TEST_CASE("a hook may be resumed before it has returned") {
  Story s;
  postern_ticket ticket{};
  s.plugin().request = [&] {
    s.chain().pause(ticket);
    CHECK(s.chain().resume(ticket.pause, POSTERN_CONTINUE) == POSTERN_OK);
    CHECK(s.chain().resume(ticket.pause, POSTERN_CONTINUE) == POSTERN_E_GONE);
    return POSTERN_SUSPEND;
  };
  s.plugin().request = s.say("next");
  CHECK(s.run_all(Hook::request) == Run::finished);
  CHECK(s.heard == "next ");
}

TEST_CASE("a ticket that a hook did not use is void") {
  Story s;
  postern_ticket ticket{};
  s.plugin().request = [&] {
    s.chain().pause(ticket);
    return POSTERN_CONTINUE;
  };
  CHECK(s.run_all(Hook::request) == Run::finished);
  CHECK(s.chain().resume(ticket.pause, POSTERN_ABORT) == POSTERN_E_GONE);
  CHECK(s.heard.empty());
}

TEST_CASE("a suspended hook answers when it is resumed") {
  Story s;
  postern_ticket ticket{};
  s.plugin().request = s.suspend(ticket);
  CHECK(s.run_all(Hook::request) == Run::suspended);
  call_back(*s.chain().links()[0].instance, [&] { s.chain().set_answer(make_answer(429, "", "", s.context().arena)); });
  CHECK(s.chain().resume(ticket.pause, POSTERN_CONTINUE) == POSTERN_OK);  // it has answered, whatever it says
  CHECK(s.heard == "429 ");
}

TEST_CASE("a hook that is not resumed ends with 504 at its deadline, or is passed by when it fails open") {
  for (bool fail_open : {false, true}) {
    Story s;
    postern_ticket ticket{};
    FakePlugin& plugin = s.plugin();
    plugin.request = s.suspend(ticket);
    plugin.timeout_ms = 300;
    plugin.fail_open = fail_open;
    net::EventScope event(s.worker.loop());  // the time of the event is the clock's
    CHECK(s.run_all(Hook::request) == Run::suspended);
    s.pass_ms(200);
    CHECK(s.heard.empty());
    s.pass_ms(200);
    CHECK(s.heard == (fail_open ? "on " : "TIMEOUT(plugin p1 did not resume on_request within its deadline) "));
    CHECK(s.chain().resume(ticket.pause, POSTERN_CONTINUE) == POSTERN_E_GONE);
    CHECK(s.counters(0).hooks[static_cast<std::size_t>(Hook::request)].deadlines.get() == 1);
  }
}

// F19: a wait that a plugin means, such as a sleep, was cut off by its hook's deadline.
TEST_CASE("a wait of the plugin's own choosing does not count against its deadline") {
  Story s;
  postern_ticket ticket{};
  FakePlugin& plugin = s.plugin();
  plugin.request = s.suspend(ticket);
  plugin.timeout_ms = 300;
  net::EventScope event(s.worker.loop());
  CHECK(s.run_all(Hook::request) == Run::suspended);
  CHECK(s.chain().wait_longer(ticket.pause, 1'000) == POSTERN_OK);
  s.pass_ms(1'200);
  CHECK(s.heard.empty());
  CHECK(s.chain().wait_longer(ticket.pause, POSTERN_LONGEST_WAIT_MS) == POSTERN_E_LIMIT);
  s.pass_ms(200);
  CHECK(s.heard == "TIMEOUT(plugin p1 did not resume on_request within its deadline) ");
  CHECK(s.chain().wait_longer(ticket.pause, 1) == POSTERN_E_GONE);
}

TEST_CASE("the head and the two bodies are suspended apart") {
  Story s;
  postern_ticket head{}, upload{}, download{};
  FakePlugin& plugin = s.plugin();
  plugin.request_policy = plugin.response_policy = body_policy(POSTERN_BODY_STREAM);
  plugin.request = s.suspend(head);
  plugin.request_body = [&](std::string_view, std::uint32_t) { return s.suspend(upload)(); };
  plugin.response_body = [&](std::string_view, std::uint32_t) { return s.suspend(download)(); };
  const Link& link = s.chain().links()[0];
  CHECK(s.run_all(Hook::request) == Run::suspended);
  CHECK(s.chain().call_body_hook(link, Hook::request_body, "a", 0) == POSTERN_SUSPEND);
  CHECK(s.chain().call_body_hook(link, Hook::response_body, "b", 0) == POSTERN_SUSPEND);
  s.chain().resume(download.pause, POSTERN_CONTINUE);
  s.chain().resume(head.pause, POSTERN_CONTINUE);
  s.chain().resume(upload.pause, POSTERN_CONTINUE);
  CHECK(s.heard == "download on upload ");
}

// ---- Responses that take the place of others -----------------------------------------------------------------------------

TEST_CASE("an answer in a response hook is shown to the others, not to its maker, who may not answer again") {
  Story s;
  for (auto word : {"one", "two", "three"}) s.plugin().response = s.say(word);
  s.plugins[1].response = s.answer(502);
  CHECK(s.run_all(Hook::request) == Run::finished);
  CHECK(s.run_all(Hook::response) == Run::finished);
  CHECK(s.heard == "three 502 one ");
  s.chain().restart_hooks();  // the response of "two" comes anew
  CHECK(s.run_all(Hook::response) == Run::finished);
  CHECK(s.heard == "three 502 one three one ");
}

TEST_CASE("an answer that comes after the head has gone out is a failure") {
  Story s;
  FakePlugin& plugin = s.plugin();
  plugin.response_policy = body_policy(POSTERN_BODY_STREAM);
  plugin.response_body = [&](std::string_view, std::uint32_t) { return s.answer(500)(); };
  s.head_sent = true;
  const Link& link = s.chain().links()[0];
  postern_verdict verdict = s.chain().call_body_hook(link, Hook::response_body, "x", 0);
  CHECK(verdict == POSTERN_RESPOND);
  CHECK(s.chain().carry_out(link, Hook::response_body, verdict) == Run::ended);
  CHECK(s.heard == "INTERNAL_ERROR(plugin p1 failed in on_response_body) ");
}

TEST_CASE("when the exchange is over, hooks hear of its completion alone") {
  Story s;
  postern_ticket ticket{};
  FakePlugin& plugin = s.plugin();
  plugin.request = s.suspend(ticket);
  plugin.complete = [&](const postern_completion& completion) { s.heard += std::to_string(completion.status); };
  CHECK(s.run_all(Hook::request) == Run::suspended);
  s.chain().stop();
  CHECK(s.chain().resume(ticket.pause, POSTERN_ABORT) == POSTERN_E_GONE);
  postern_completion completion{};
  completion.status = 200;
  s.chain().tell_completion(completion);
  CHECK(s.heard == "200");
}

}  // namespace
}  // namespace postern::proxy
