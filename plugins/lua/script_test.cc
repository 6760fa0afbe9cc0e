// What a script declares: schema, order, body policies, its own checks.
#include <doctest/doctest.h>

#include "testing/script_gateway.h"

using postern::lua::ScriptGateway;

namespace {

std::string schema_of(const std::string& schema) {
  ScriptGateway gateway;
  REQUIRE(gateway.open_table("schema = " + schema));
  return {gateway.script()->schema.ptr, gateway.script()->schema.len};
}

}  // namespace

TEST_CASE("the short form of a schema becomes an object without other keys") {
  CHECK(
      schema_of("{deny = {type = 'array', items = {type = 'string'}, default = {}}}") ==
      R"({"additionalProperties":false,"properties":{"deny":{"default":[],"items":{"type":"string"},"type":"array"}},"type":"object"})");
  CHECK(
      schema_of("{type = {type = 'string', required = true}}") ==
      R"({"additionalProperties":false,"properties":{"type":{"type":"string"}},"required":["type"],"type":"object"})");
}

TEST_CASE("a whole schema passes as it is") {
  CHECK(schema_of("{type = 'object', properties = {}, minProperties = 1}") ==
        R"({"minProperties":1,"properties":{},"type":"object"})");
}

TEST_CASE("only the hooks that a script defines are in its table") {
  ScriptGateway gateway;
  REQUIRE(gateway.open_table("on_response = function() end"));
  CHECK((gateway.script()->on_response != nullptr));
  CHECK((gateway.script()->on_request == nullptr));
  CHECK((gateway.script()->on_complete == nullptr));
}

TEST_CASE("declarations may depend on the configuration, which has its defaults") {
  ScriptGateway gateway;
  REQUIRE(gateway.open_table(R"(
    schema = {by = {type = "string", default = "ip"}, size = {type = "integer", default = 3}, list = {type = "array", default = {}}},
    provides = {"agent.id"},
    consumes = function(config) return config.by == "consumer" and {["consumer.id"] = "the limit is by consumer"} or nil end,
    before = {["cache"] = "answers from the cache must be counted"}, after = {"jwt"},
    request_body = function(config) return config.by == "body" and {policy = "buffer", limit = "8k", on_overflow = "peek"} or nil end,
    on_request_body = function() end,
    on_request = function(exchange, config)
      exchange.request.headers["x-config"] = config.by .. config.size .. #config.list
    end)"));
  auto& plain = gateway.configure();
  CHECK(plain.provides("agent.id"));
  CHECK(!plain.consumes("consumer.id"));
  CHECK(plain.before()[0].name == "cache");
  CHECK(plain.before()[0].reason == "answers from the cache must be counted");
  CHECK(plain.after()[0].name == "jwt");
  CHECK((plain.hooks() & POSTERN_HOOK_REQUEST_BODY) == 0);
  CHECK(gateway.get("/").upstream_headers().get("x-config") == "ip30");
  CHECK(gateway.configure_json(R"({"by":"consumer"})").consumes("consumer.id"));
  auto& body = gateway.configure_json(R"({"by":"body","list":["x"]})");
  CHECK(body.body_policy(POSTERN_REQUEST).limit == 8192);
  CHECK(body.body_policy(POSTERN_REQUEST).on_overflow == POSTERN_OVERFLOW_PEEK);
  CHECK(gateway.get("/").upstream_headers().get("x-config") == "body31");
}

TEST_CASE("on_configure refuses with a sentence at a key") {
  ScriptGateway gateway;
  REQUIRE(gateway.open_table(R"(on_configure = function(config)
    if config.low > config.high then return "must not be above high", "low" end
  end)"));
  CHECK(gateway.configure_json(R"({"low":2,"high":1})").problem_text() == "low: must not be above high");
  CHECK(gateway.configure_json(R"({"low":1,"high":2})").ok());
}

TEST_CASE("an error in a declaration is a configuration error with file and line") {
  ScriptGateway gateway;
  REQUIRE(gateway.open_table("provides = function(config) return config.x.y end"));
  CHECK(gateway.configure().problem_text().find("test/test.lua:1: attempt to index a nil value") != std::string::npos);
}

TEST_CASE("a script judges the expressions that it declares, and refuses what nobody could judge") {
  ScriptGateway gateway;
  gateway.expression_holds("consumer.tier == \"gold\"", true);
  gateway.expression_holds("header.x-old", false);
  auto& instance = gateway.run_table(R"(expressions = function(config)
      return {gold = 'consumer.tier == "gold"', old = "header.x-old", dear = 'path matches "(a+)+"'} end,
    on_request = function(exchange)
      assert(exchange:holds("gold") and not exchange:holds("old"))
      assert(not pcall(exchange.holds, exchange, "absent"))
      if exchange.request.path == "/dear" then exchange:holds("dear") end
    end)");
  CHECK(instance.ok());
  CHECK(gateway.get("/").status() == 200);
  CHECK(gateway.get("/dear").status() == 500);
}

TEST_CASE("a script says what it needs, when it provides, and whom it refuses") {
  ScriptGateway gateway;
  auto& instance = gateway.run_table(
      R"(provides = {["agent.score"] = "on_response"}, needs = {["quota/main"] = {version = 2, reason = "x"}},
    consumes = {["agent.id"] = {reason = "scores are by agent", hook = "on_response"}}, refuses = {anonymous = "wants a token"})");
  REQUIRE(instance.ok());
  CHECK(instance.provides().at(0).hook == POSTERN_HOOK_RESPONSE);
  CHECK(instance.consumes().at(0).hook == POSTERN_HOOK_RESPONSE);
  CHECK(instance.consumes().at(0).reason == "scores are by agent");
  CHECK(instance.needs().at(0).version == 2);
  CHECK(instance.refuses() == POSTERN_REFUSES_ANONYMOUS);
}

TEST_CASE("a script that names a hook that there is not is refused") {
  ScriptGateway gateway;
  REQUIRE(gateway.open_table("provides = {x = 'on_reqest'}"));
  CHECK_FALSE(gateway.configure().ok());
}
