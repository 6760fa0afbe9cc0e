#include <doctest/doctest.h>
#include <postern/testing.h>

#include <string>
#include <vector>

using postern::testing::Config;
using postern::testing::FakeGateway;
using postern::testing::FakeInstance;

namespace {

std::string problem_of(const char* config) {
  FakeGateway gateway;
  return gateway.configure_json(config).problem_text();
}

double left_out(const FakeGateway& gateway) {
  return gateway.metric("postern_headers_left_out_total", {"routes/test", "headers"});
}

}  // namespace

TEST_CASE("requests: remove, then set, then add") {
  FakeGateway gateway;
  gateway.configure_json(
      R"({"request": {"remove": ["X-Internal", "x-both"], "set": {"X-Gateway": "postern", "X-Both": "set"},
                                         "add": {"X-BOTH": "added", "Accept": "text/html"}}})");
  auto& x = gateway.request("GET", "/",
                            {{"x-internal", "1"}, {"X-Internal", "2"}, {"X-Both", "old"}, {"Accept", "text/plain"}});
  x.send();
  CHECK_FALSE(x.upstream_headers().contains("X-Internal"));
  CHECK(x.upstream_headers().all("X-Gateway") == std::vector<std::string>{"postern"});
  CHECK(x.upstream_headers().all("X-Both") == std::vector<std::string>{"set", "added"});
  CHECK(x.upstream_headers().all("Accept") == std::vector<std::string>{"text/plain", "text/html"});
  x.reply(200, {{"X-Internal", "upstream's"}});
  CHECK(x.response_headers().get("X-Internal") == "upstream's");
  x.finish();
}

TEST_CASE("responses, with variables") {
  FakeGateway gateway;
  gateway.configure_json(R"({"response": {"remove": ["Server"],
                                          "set": {"X-Response-Time": "${latency}",
                                                  "X-Seen": "${request.method} ${response.status}"}}})");
  auto& x = gateway.request("GET", "/");
  x.send();
  gateway.advance(12);
  x.reply(201, {{"Server", "leaky/1.0"}, {"X-Seen", "a"}, {"x-seen", "b"}});
  CHECK_FALSE(x.response_headers().contains("Server"));
  CHECK(x.response_headers().get("X-Response-Time") == "12.0ms");
  CHECK(x.response_headers().all("X-Seen") == std::vector<std::string>{"GET 201"});
  x.finish();
}

TEST_CASE("the gateway's own errors have them too") {
  FakeGateway gateway;
  gateway.configure_json(R"({"response": {"set": {"X-Gateway": "postern"}}})");
  auto& x = gateway.request("GET", "/");
  x.send();
  x.fail_upstream(POSTERN_OUTCOME_CONNECT_FAILED);
  CHECK(x.status() == 502);
  CHECK(x.response_headers().get("X-Gateway") == "postern");
  x.finish();
}

TEST_CASE("values are those of the message before any change, so a header can be renamed") {
  FakeGateway gateway;
  gateway.configure_json(
      R"({"request": {"remove": ["X-Old"], "set": {"X-New": "${request.header.x-old}",
                                                                     "X-Twice": "${request.header.x-new}"}}})");
  auto& x = gateway.request("GET", "/", {{"X-Old", "v"}, {"X-New", "before"}});
  x.send();
  CHECK_FALSE(x.upstream_headers().contains("X-Old"));
  CHECK(x.upstream_headers().get("X-New") == "v");
  CHECK(x.upstream_headers().get("X-Twice") == "before");
  x.run();
}

TEST_CASE("a value that cannot stand in a header leaves it out, and nothing of the client's in its place") {
  FakeGateway gateway;
  gateway.configure_json(
      R"({"request": {"set": {"X-User": "${consumer.id}"}, "add": {"X-Also": "is ${consumer.id}"}}})");
  for (std::string bad : {std::string("a\r\nX-Admin: 1"), std::string("a\nb"), std::string("a\0b", 3)}) {
    auto& x = gateway.request("GET", "/", {{"X-User", "spoofed"}, {"X-Also", "client's"}});
    x.set_variable("consumer.id", bad);
    x.send();
    CHECK_FALSE(x.upstream_headers().contains("X-User"));
    CHECK_FALSE(x.upstream_headers().contains("X-Admin"));
    CHECK(x.upstream_headers().all("X-Also") == std::vector<std::string>{"client's"});
    x.reply(200);
    x.finish();
  }
  CHECK(left_out(gateway) == 6);
}

TEST_CASE("it is logged once a minute at most, without the value") {
  FakeGateway gateway;
  gateway.configure_json(R"({"request": {"set": {"X-User": "${consumer.id}"}}})");
  auto lines = [&] { return gateway.log().size(); };
  auto bad_request = [&] { gateway.request("GET", "/").set_variable("consumer.id", "hush\n").run(); };
  for (int i = 0; i < 5; ++i) bad_request();
  CHECK(lines() == 1);
  CHECK(gateway.logged("X-User"));
  CHECK_FALSE(gateway.logged("hush"));
  gateway.advance(60'000);
  bad_request();
  CHECK(lines() == 2);
  CHECK(left_out(gateway) == 6);
}

TEST_CASE("constant values and templates stand beside each other") {
  FakeGateway gateway;
  gateway.configure_json(
      R"({"request": {"set": {"X-A": "${request.method}", "X-B": "constant", "X-C": "${request.path}",
                                                 "X-D": "", "X-E": "$${x} costs 5$"},
                                         "add": {"X-F": "also", "X-G": "${request.method}"}}})");
  auto& x = gateway.request("GET", "/p", {{"X-B", "client's"}, {"X-D", "client's"}});
  x.send();
  CHECK(x.upstream_headers().get("X-A") == "GET");
  CHECK(x.upstream_headers().all("X-B") == std::vector<std::string>{"constant"});
  CHECK(x.upstream_headers().get("X-C") == "/p");
  CHECK_FALSE(x.upstream_headers().contains("X-D"));
  CHECK(x.upstream_headers().get("X-E") == "${x} costs 5$");
  CHECK(x.upstream_headers().get("X-F") == "also");
  CHECK(x.upstream_headers().get("X-G") == "GET");
  x.run();
}

TEST_CASE("a value that expands to nothing leaves the header out without a word") {
  FakeGateway gateway;
  gateway.configure_json(R"({"request": {"set": {"X-User": "${consumer.id}"}, "add": {"X-Also": "${consumer.id}"}}})");
  auto& x = gateway.request("GET", "/", {{"X-User", "spoofed"}});
  x.send();
  CHECK_FALSE(x.upstream_headers().contains("X-User"));
  CHECK_FALSE(x.upstream_headers().contains("X-Also"));
  CHECK(left_out(gateway) == 0);
  x.run();
}

TEST_CASE("hooks without work are left out of the chain") {
  FakeGateway gateway;
  auto hooks = gateway.configure_json(R"({"request": {"remove": ["A"]}})").hooks();
  CHECK((hooks & POSTERN_HOOK_REQUEST) != 0);
  CHECK((hooks & POSTERN_HOOK_RESPONSE) == 0);
  hooks = gateway.configure_json(R"({"response": {"remove": ["A"]}})", "second").hooks();
  CHECK((hooks & POSTERN_HOOK_REQUEST) == 0);
  CHECK((hooks & POSTERN_HOOK_RESPONSE) != 0);
}

TEST_CASE("what cannot work is refused where it stands") {
  CHECK(problem_of(R"({"request": {"remove": ["Accept", "Content-Length"]}})")
            .find("request.remove[1]: \"Content-Length\" belongs") == 0);
  CHECK(problem_of(R"({"response": {"set": {"Transfer-Encoding": "chunked"}}})")
            .find("response.set.Transfer-Encoding: ") == 0);
  CHECK(problem_of(R"({"request": {"add": {"Host": "a"}}})").find("use \"set\"") != std::string::npos);
  CHECK(problem_of(R"({"request": {"set": {"bad name": "a"}}})").find("is not a header's name") != std::string::npos);
  CHECK(problem_of("{\"response\": {\"add\": {\"X-A\": \"a\\r\\nX-B: b\"}}}")
            .find("response.add.X-A: a header's value is one line") == 0);
  CHECK(problem_of(R"({"response": {"set": {"X-A": "${"}}})").find("response.set.X-A: ") == 0);
  CHECK(
      problem_of(R"({"response": {"set": {"X-A": "1", "x-a": "2"}}})").find("response.set.x-a: \"x-a\" is set twice") ==
      0);
  CHECK(problem_of("{}").find("it changes nothing") != std::string::npos);
  CHECK(problem_of(R"({"request": {"set": {"Host": "inner.example"}}})").empty());
}
