#include <doctest/doctest.h>
#include <postern/testing.h>

#include <string>

using postern::testing::Config;
using postern::testing::FakeExchange;
using postern::testing::FakeGateway;
using postern::testing::FakeHeaders;

namespace {

// SHA-256 of "abc" and of "s3cret+key".
const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kSecret = "9b09d6f39447ce8240e7140c889598b3f0a0e41ba2e4cf09bcde0a5db0c86aa5";

std::string with_keys(const std::string& more = "") {
  return R"({"keys": [{"id": "alice", "sha256": ")" + kAbc + R"(", "tier": "gold"}, {"id": "bob", "sha256": ")" +
         kSecret + "\"}]" + (more.empty() ? "" : ", " + more) + "}";
}

const char kEverywhere[] = R"("from": [{"header": "X-API-Key"}, {"query": "api_key"}, {"cookie": "key"}])";

struct Asked {
  FakeGateway gateway;
  FakeExchange* x;
  Asked(const std::string& config, std::string target, FakeHeaders headers) {
    gateway.configure_json(config);
    x = &gateway.request("GET", target, std::move(headers));
    x->send();
  }
  ~Asked() { x->finish(); }
  FakeExchange* operator->() const { return x; }
};

}  // namespace

TEST_CASE("a good key lets in, says who it is and is hidden") {
  Asked x(with_keys(), "/", {{"X-API-Key", "abc"}, {"X-Other", "1"}});
  CHECK(x->at_upstream());
  CHECK(x->variable("consumer.id") == "alice");
  CHECK(x->variable("consumer.tier") == "gold");
  CHECK_FALSE(x->upstream_headers().get("X-API-Key").has_value());
  CHECK(x->upstream_headers().get("X-Other") == "1");
}

TEST_CASE("a consumer without a tier has none") {
  Asked x(with_keys(), "/", {{"x-api-key", "s3cret+key"}});
  CHECK(x->variable("consumer.id") == "bob");
  CHECK(x->variable("consumer.tier").empty());
}

TEST_CASE("no key is UNAUTHORIZED, a wrong one AUTH_FAILED, and both name the scheme") {
  struct Row {
    FakeHeaders headers;
    std::string code, reason;
  };
  for (const Row& row : {Row{{}, "UNAUTHORIZED", "missing"}, Row{{{"X-API-Key", "abcd"}}, "AUTH_FAILED", "wrong"},
                         Row{{{"X-API-Key", ""}}, "AUTH_FAILED", "wrong"},
                         Row{{{"X-API-Key", std::string(1025, 'a')}}, "AUTH_FAILED", "wrong"}}) {
    Asked x(with_keys(), "/", row.headers);
    CHECK(x->status() == 401);
    CHECK(x->error_code() == row.code);
    CHECK(x->response_headers().get("WWW-Authenticate") == "ApiKey realm=\"api\"");
    CHECK(x->variable("consumer.id").empty());
    CHECK(x.gateway.metric("auth_failures_total", {"key-auth", row.reason}) == 1);
    CHECK(x.gateway.logged("auth_failure"));
    CHECK_FALSE(x.gateway.logged("abcd"));
  }
}

TEST_CASE("optional lets nobody in under a wrong key") {
  Asked nobody(with_keys(R"("optional": true)"), "/", {});
  CHECK(nobody->at_upstream());
  CHECK(nobody->variable("consumer.id").empty());
}

TEST_CASE("optional does not make a wrong key anonymous") {
  Asked wrong(with_keys(R"("optional": true)"), "/", {{"X-API-Key", "nope"}});
  CHECK(wrong->status() == 401);
  CHECK(wrong->error_code() == "AUTH_FAILED");
}

TEST_CASE("several keys are refused, whatever they are and wherever they stand") {
  struct Row {
    std::string target;
    FakeHeaders headers;
  };
  for (const Row& row :
       {Row{"/", {{"X-API-Key", "abc"}, {"x-api-key", "abc"}}}, Row{"/?api_key=abc", {{"X-API-Key", "nope"}}},
        Row{"/?api_key=abc&api%5Fkey=abc", {}}, Row{"/", {{"Cookie", "key=abc; key=abc"}}},
        Row{"/", {{"Cookie", "key=abc"}, {"Cookie", "key=abc"}}},
        Row{"/", {{"Cookie", "key=abc"}, {"X-API-Key", ""}}}}) {
    CAPTURE(row.target);
    Asked x(with_keys(kEverywhere), row.target, row.headers);
    CHECK(x->status() == 400);
    CHECK(x->error_code() == "BAD_REQUEST");
  }
}

TEST_CASE("a query's key is decoded and taken out of the query") {
  Asked x(with_keys(kEverywhere), "/a?x=1&api_key=s3cret%2Bkey&y=2", {});
  CHECK(x->variable("consumer.id") == "bob");
  CHECK(x->upstream_query() == "x=1&y=2");
}

TEST_CASE("a query that was only the key is gone") {
  Asked x(with_keys(kEverywhere), "/a?api_key=abc", {});
  CHECK(x->at_upstream());
  CHECK(x->upstream_query().empty());
}

TEST_CASE("a cookie's key is taken out of the cookies") {
  Asked x(with_keys(kEverywhere), "/", {{"Cookie", "a=1; key=abc"}, {"Cookie", "b=2"}});
  CHECK(x->variable("consumer.id") == "alice");
  CHECK(x->upstream_headers().get("Cookie") == "a=1; b=2");
}

TEST_CASE("the last cookie takes its header away") {
  Asked x(with_keys(kEverywhere), "/", {{"Cookie", "key=abc"}});
  CHECK(x->at_upstream());
  CHECK_FALSE(x->upstream_headers().get("Cookie").has_value());
}

TEST_CASE("hide: false leaves the key where it is") {
  Asked x(with_keys(R"("hide": false)"), "/", {{"X-API-Key", "abc"}});
  CHECK(x->upstream_headers().get("X-API-Key") == "abc");
}

TEST_CASE("keys that contradict each other are refused with their place") {
  struct Row {
    std::string config, at, says;
  };
  std::string one = R"({"id": "a", "sha256": ")" + kAbc + "\"}";
  for (const Row& row :
       {Row{R"({"keys": [)" + one + R"(, {"id": "a", "sha256": ")" + kSecret + R"("}]})", "keys[1].id", "\"a\" too"},
        Row{R"({"keys": [)" + one + R"(, {"id": "b", "sha256": "BA)" + kAbc.substr(2) + R"("}]})", "keys[1].sha256",
            "\"a\" has the same key"},
        Row{R"({"keys": [{"id": "a", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]})",
            "keys[0].sha256", "empty key"},
        Row{R"({"keys": [)" + one + R"(], "from": [{"header": "K"}, {"cookie": "K"}, {"header": "k"}]})", "from[2]",
            "already"}}) {
    FakeGateway gateway;
    auto& instance = gateway.configure_json(row.config);
    CHECK_FALSE(instance.ok());
    CHECK(instance.problem_text().find(row.at + ": ") != std::string::npos);
    CHECK(instance.problem_text().find(row.says) != std::string::npos);
    CHECK(instance.problem_text().find(kAbc.substr(2)) == std::string::npos);
  }
}

TEST_CASE("it says what it provides") {
  FakeGateway gateway;
  auto& instance = gateway.configure_json(with_keys());
  CHECK(instance.provides("consumer.id"));
  CHECK(instance.provides("consumer.tier"));
}
