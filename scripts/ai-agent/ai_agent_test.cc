// The script through the fake gateway: what it detects, tells and counts.
#include <doctest/doctest.h>

#include <string>

#include "testing/script_gateway.h"

using postern::lua::ScriptGateway;

namespace {

const std::string kScript = POSTERN_SCRIPTS_DIR "/ai-agent/ai-agent.lua";
constexpr const char* kMetric = "postern_ai_agent_requests_total";

}  // namespace

TEST_CASE("ai-agent: what is detected") {
  struct Case {
    std::string what;
    postern::testing::FakeHeaders headers;
    const char *kind, *id, *counted;  // "" for none
  };
  const Case cases[] = {
      {"nothing", {{"user-agent", "curl"}}, "", "", ""},
      {"the kind", {{"X-AI-Agent", "research-bot"}}, "research-bot", "research-bot", "research-bot"},
      {"the id", {{"AI-Agent-ID", "agent-7"}}, "unknown", "agent-7", "agent-7"},
      {"both", {{"x-ai-agent", " shopper "}, {"ai-agent-id", "a@b/7"}}, "shopper", "a@b/7", "shopper"},
      {"an empty one", {{"x-ai-agent", ""}}, "", "", "invalid"},
      {"a long one", {{"x-ai-agent", std::string(65, 'x')}}, "", "", "invalid"},
      {"a foreign character", {{"x-ai-agent", "a\"b"}}, "", "", "invalid"},
      {"a bad kind and a good id", {{"x-ai-agent", "a\tb"}, {"ai-agent-id", "7"}}, "unknown", "7", "7"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    ScriptGateway gateway(kScript);
    gateway.configure();
    auto& x = gateway.get("/orders", test.headers);
    CHECK(x.status() == 200);
    CHECK(x.variable("agent.kind") == test.kind);
    CHECK(x.variable("agent.id") == test.id);
    if (*test.counted != '\0') CHECK(gateway.metric(kMetric, {test.counted}) == 1);
    CHECK(gateway.logged("AI agent") == (*test.kind != '\0'));
  }
}

TEST_CASE("ai-agent: the number of label values is capped") {
  ScriptGateway gateway(kScript);
  gateway.configure_json(R"({"max_agents":2,"log":"off"})");
  for (const char* name : {"a", "b", "c", "d"}) gateway.get("/", {{"x-ai-agent", name}});
  CHECK(gateway.metric(kMetric, {"a"}) == 1);
  CHECK(gateway.metric(kMetric, {"other"}) >= 2);
  CHECK(gateway.log().empty());
}

TEST_CASE("ai-agent: header names can be chosen, and the variables are declared") {
  ScriptGateway gateway(kScript);
  auto& instance = gateway.configure_json(R"({"kind_header":"x-bot","id_header":"x-bot-id","log":"debug"})");
  CHECK(instance.provides("agent.id"));
  CHECK(instance.provides("agent.kind"));
  CHECK(gateway.get("/", {{"x-bot", "crawler"}}).variable("agent.id") == "crawler");
  CHECK(gateway.log().at(0).level == POSTERN_LOG_DEBUG);
  CHECK(gateway.log().at(0).field("agent") == "crawler");
}
