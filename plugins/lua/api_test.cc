// The functions of the table `postern`.
#include <doctest/doctest.h>

#include "testing/script_gateway.h"

using postern::lua::ScriptGateway;

namespace {

// Runs `text` in on_request; its assertions are the test. Returns the first log line, "" when there was none.
std::string run(ScriptGateway& gateway, const std::string& text) {
  gateway.run_table("on_request = function(exchange)\n" + text + "\nend");
  gateway.get("/");
  return gateway.log().empty() ? "" : gateway.log()[0].message;
}

}  // namespace

TEST_CASE("json: both ways, lists and null kept apart from maps and nil") {
  ScriptGateway gateway;
  CHECK(run(gateway, R"lua(
    local json = postern.json
    assert(json.encode({b = {1, 2.5, "x"}, a = true}) == '{"a":true,"b":[1,2.5,"x"]}')
    assert(json.encode({}) == "{}" and json.encode(json.array()) == "[]" and json.encode(json.null) == "null")
    assert(json.encode("\"\\\n\1\xff") == [["\"\\\n\u0001]] .. "\u{FFFD}\"")
    assert(json.encode({[3] = "x"}) == '{"3":"x"}')
    local value = json.decode('{"list":[],"map":{},"null":null,"n":-7,"f":1e3,"s":"\\u00e4"}')
    assert(json.encode(value) == '{"f":1000,"list":[],"map":{},"n":-7,"null":null,"s":"ä"}')
    assert(value.null == json.null and math.type(value.n) == "integer")
    local nothing, why = json.decode("{x")
    assert(nothing == nil and why:find("not JSON at byte"))
    assert(pcall(json.encode, function() end) == false and pcall(json.encode, 0/0) == false)
    assert(pcall(json.encode, {1, x = 2}) == false)
  )lua") == "");
}

TEST_CASE("base64 and crypto") {
  ScriptGateway gateway;
  CHECK(run(gateway, R"lua(
    local base64, crypto = postern.base64, postern.crypto
    for text, code in pairs({[""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", ["\xff\xfe"] = "//4="}) do
      assert(base64.encode(text) == code and base64.decode(code) == text)
    end
    assert(base64.url_encode("\xff\xfe") == "__4" and base64.url_decode("__4") == "\xff\xfe")
    for _, bad in ipairs({"Zg", "Zg=", "Zh==", "Z g=", "=", "Zg==="}) do assert(base64.decode(bad) == nil, bad) end
    assert(crypto.sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert(#crypto.sha256("abc", true) == 32)
    assert(crypto.hmac_sha256("Jefe", "what do ya want for nothing?") ==
           "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    assert(crypto.equal("a", "a") and not crypto.equal("a", "b") and not crypto.equal("a", "ab"))
    assert(#crypto.random(16) == 16 and crypto.random(16) ~= crypto.random(16))
  )lua") == "");
}

TEST_CASE("dict: get, set, add, incr, cas, remove, with time to live") {
  ScriptGateway gateway;
  CHECK(run(gateway, R"lua(
    local dict = postern.dict("shared")
    assert(dict:get("k") == nil and dict:set("k", "v") == true and dict:get("k") == "v")
    local nothing, why = dict:add("k", "w")
    assert(nothing == nil and why == "exists" and dict:add("new", "1", "10s"))
    assert(dict:incr("n") == 1 and dict:incr("n", 5) == 6 and select(2, dict:incr("k")) == "type")
    assert(select(2, dict:cas("k", "other", "x")) == "conflict" and dict:cas("k", "v", "x") and dict:get("k") == "x")
    assert(dict:remove("k") and select(2, dict:remove("k")) == "not found")
    assert(dict:set("long", ("x"):rep(5000)) and #dict:get("long") == 5000)
    assert(pcall(dict.get, {}, "k") == false)
    for _, size in ipairs({0, 1023, (256 << 20) + 1, math.maxinteger, math.mininteger}) do
      assert(pcall(postern.dict, "vast", size) == false)
    end
  )lua") == "");
  CHECK(gateway.dict("shared").find("n", 0)->value == "6");
}

TEST_CASE("limit: a token bucket in a dict") {
  ScriptGateway gateway;
  CHECK(run(gateway, R"lua(
    local limits = postern.dict("limits")
    local rule = {limit = 2, window = "1s", burst = 2}
    assert(postern.limit(limits, "a", rule).allowed and postern.limit(limits, "a", rule).remaining == 0)
    local refused = postern.limit(limits, "a", rule)
    assert(not refused.allowed and refused.retry_after == 0.5 and refused.reset == 1)
    assert(postern.limit(limits, "b", {limit = 1, window = 60, algorithm = "sliding_window"}).allowed)
    assert(pcall(postern.limit, limits, "a", {limit = 0, window = 1}) == false)
  )lua") == "");
}

TEST_CASE("log: levels, fields, print") {
  ScriptGateway gateway;
  run(gateway, R"lua(
    postern.log.warn("slow", {path = exchange.request.path, ms = 12, ok = false})
    print("a", 1, nil)
  )lua");
  REQUIRE(gateway.log().size() == 2);
  CHECK(gateway.log()[0].level == POSTERN_LOG_WARN);
  CHECK(gateway.log()[0].field("path") == "/");
  CHECK(gateway.log()[0].field("ms") == "12");
  CHECK(gateway.log()[0].field("ok") == "false");
  CHECK(gateway.log()[1].message == "a 1 nil");
}

TEST_CASE("metric: counter, gauge, histogram") {
  ScriptGateway gateway;
  REQUIRE(gateway.open(gateway.folder.write("test/test.lua", R"(
    local requests = postern.metric.counter("test_requests_total", {help = "Requests.", labels = {"agent", "kind"}})
    local level = postern.metric.gauge("test_level")
    local size = postern.metric.histogram("test_size", {buckets = {1, 10}})
    return {name = "test", version = "1", on_request = function(exchange)
      requests:add(1, "gpt", "bot")
      requests:add(2, "gpt", "bot")
      level:set(5)
      level:add(-2)
      size:observe(3)
      assert(pcall(requests.add, requests, -1, "a", "b") == false and pcall(requests.add, requests, 1) == false)
      assert(pcall(requests.set, requests, 1, "a", "b") == false)
    end})")));
  gateway.configure();
  CHECK(gateway.get("/").status() == 200);
  CHECK(gateway.metric("test_requests_total", {"gpt", "bot"}) == 3);
  CHECK(gateway.metric("test_level") == 3);
}

TEST_CASE("time") {
  ScriptGateway gateway;
  CHECK(run(gateway, R"lua(
    local time = postern.time
    assert(time.http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    assert(time.now() == 1700001000 and time.monotonic() == 1000)
    for _, bad in ipairs({"", "5", "5x", "ms", -1, 1/0, 0/0, "-5s"}) do assert(pcall(postern.timer, bad, print) == false, bad) end
  )lua") == "");
}

TEST_CASE("http: an answer may not be larger than the script's memory") {
  ScriptGateway gateway;
  gateway.run_table(R"(limits = {memory = "1m"}, on_request = function()
      for _, most in ipairs({-1, 1048577, math.maxinteger}) do
        local ok, why = pcall(postern.http, "u", {max_body = most})
        assert(not ok and why:find("max_body", 1, true), why)
      end
    end)");
  gateway.get("/");
  CHECK(gateway.log().empty());
}
