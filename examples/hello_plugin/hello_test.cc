// hello's test: the plugin against a fake gateway. Any test framework will do; this one needs none.
#include <postern/testing.h>

#include <cstdio>

using postern::testing::FakeGateway;

namespace {

int failures = 0;

void expect(bool held, const char* sentence) {
  if (held) return;
  std::fprintf(stderr, "failed: %s\n", sentence);
  ++failures;
}

void greets_both_sides() {
  FakeGateway gateway;
  gateway.configure({{"greeting", "good morning"}});
  auto& x = gateway.request("GET", "/orders").send();
  expect(x.upstream_headers().get("x-hello") == "good morning", "the upstream is greeted");
  x.reply(200, {{"content-type", "text/plain"}}, {"3 orders"}).finish();
  expect(x.response_headers().get("x-hello") == "good morning", "the client is greeted");
  expect(x.response_body() == "3 orders", "the upstream's body is left alone");
  expect(gateway.metric("hello_greetings_total") == 1, "a greeting is counted");
}

void answers_hello_itself() {
  FakeGateway gateway;
  gateway.configure();  // the schema's default
  auto& x = gateway.get("/hello");
  expect(x.status() == 200 && x.local(), "/hello is answered here");
  expect(x.response_body() == "hello\n", "with the default greeting");
  expect(x.attempts() == 0, "and no upstream is asked");
}

void refuses_a_greeting_of_two_lines() {
  FakeGateway gateway;
  auto& instance = gateway.configure({{"greeting", "good\nmorning"}});
  expect(!instance.ok(), "a greeting of two lines is refused");
  expect(instance.problem_text().starts_with("greeting: "), "and the error says where");
}

}  // namespace

int main() {
  greets_both_sides();
  answers_hello_itself();
  refuses_a_greeting_of_two_lines();
  return failures == 0 ? 0 : 1;
}
