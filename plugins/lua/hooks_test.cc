// What a script can do in each hook, and that waiting works in each hook that may wait.
#include <doctest/doctest.h>

#include <string>

#include "testing/script_gateway.h"

using postern::lua::ScriptGateway;
using postern::testing::CallReply;
using postern::testing::FakeCall;
using postern::testing::FakeConnection;

TEST_CASE("on_connection sees who has connected and may refuse it, at once or after a while") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_connection = function(connection, config)
    if connection.ip == "192.0.2.1" then return connection:abort() end
    if connection.ip == "192.0.2.2" then return "no" end
    if connection.ip == "192.0.2.3" then postern.sleep(1) end
    if connection.ip == "192.0.2.4" then postern.sleep(1) return connection:abort() end
    postern.log.info(connection.ip .. " " .. connection.port .. " " .. connection.listener .. " " ..
                     tostring(connection.tls) .. " " .. tostring(connection.server_name))
  end)");
  auto from = [&](const char* ip) -> auto& {
    FakeConnection connection;
    connection.peer_address = ip;
    return gateway.connect(connection);
  };
  CHECK(from("127.0.0.1").verdict == POSTERN_CONTINUE);
  CHECK(gateway.logged("127.0.0.1 40000 public false nil"));
  CHECK(from("192.0.2.1").verdict == POSTERN_ABORT);
  CHECK(from("192.0.2.2").verdict == POSTERN_ERROR);
  CHECK(gateway.logged("on_connection returned a string; return nothing or connection:abort()"));
  auto& waits = from("192.0.2.3");
  auto& is_refused = from("192.0.2.4");
  CHECK(waits.verdict == POSTERN_SUSPEND);
  gateway.advance(1000);
  CHECK(waits.verdict == POSTERN_CONTINUE);
  CHECK(is_refused.verdict == POSTERN_ABORT);
}

TEST_CASE("a connection that a script has kept is of no use in other hooks, and has no exchange") {
  ScriptGateway gateway;
  CHECK(gateway.open(gateway.folder.write("test/test.lua", R"(local kept = {}
    return {name = "test", version = "1",
      on_connection = function(connection)
        kept.connection = connection
        if kept.exchange then return kept.exchange:abort() end
      end,
      on_request = function(exchange)
        kept.exchange = exchange
        return exchange:respond(200, kept.connection.ip)
      end})")));
  gateway.configure();
  CHECK(gateway.connect().verdict == POSTERN_CONTINUE);
  CHECK(gateway.get("/").status() == 500);
  CHECK(gateway.logged("connection: only in on_connection"));
  CHECK(gateway.connect().verdict == POSTERN_ERROR);
  CHECK(gateway.logged("there is no exchange in on_connection"));
}

TEST_CASE("on_request reads, sets and removes headers, in any case") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    local headers = exchange.request.headers
    headers["X-Seen"] = headers["x-COUNTRY"]
    headers["x-country"] = nil
    headers["x-none"] = tostring(headers["x-absent"])
    headers["x-list"] = {"a", "b"}
    headers["x-number"] = 7
  end)");
  auto& x = gateway.get("/", {{"X-Country", "ch"}});
  CHECK(x.upstream_headers().get("x-seen") == "ch");
  CHECK(!x.upstream_headers().contains("x-country"));
  CHECK(x.upstream_headers().get("x-none") == "nil");
  CHECK(x.upstream_headers().get("x-list") == "a");
  CHECK(x.upstream_headers().get("x-number") == "7");
}

TEST_CASE("headers can be walked, added and listed") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    local request, names = exchange.request, {}
    for name, value in pairs(request.headers) do names[#names + 1] = name .. "=" .. value end
    table.sort(names)
    assert(request:add_header("x-a", "3"))
    request.headers["x-walk"] = table.concat(names, "&")
    request.headers["x-all"] = table.concat(request:header_values("X-A"), ",")
    local done, err = request:set_header("bad name", "x")
    request.headers["x-err"] = tostring(done) .. " " .. err
  end)");
  auto& x = gateway.get("/", {{"x-a", "1"}, {"x-a", "2"}, {"host", "h"}});
  CHECK(x.upstream_headers().get("x-walk") == "host=h&x-a=1&x-a=2");
  CHECK(x.upstream_headers().get("x-all") == "1,2,3");
  CHECK(x.upstream_headers().get("x-err") == "nil invalid");
}

TEST_CASE("the request's head fields can be read, and path, query and method set") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request_early = function(exchange)
    local r = exchange.request
    r.headers["x-head"] = table.concat({r.method, r.path, r.query, r.host, r.scheme, r.protocol, r.target}, " ")
    r.path, r.query, r.method = "/new", "b=2", "PUT"
  end)");
  auto& x = gateway.get("/old?a=1", {{"host", "shop.test"}});
  CHECK(x.upstream_headers().get("x-head") == "GET /old a=1 shop.test http HTTP/1.1 /old?a=1");
  CHECK(x.upstream_path() == "/new");
  CHECK(x.upstream_query() == "b=2");
  CHECK(x.upstream_method() == "PUT");
}

TEST_CASE("respond answers with text, JSON and headers") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    local path = exchange.request.path
    if path == "/json" then return exchange:respond(403, {error = {code = "FORBIDDEN"}}, {["x-why"] = "geo"}) end
    if path == "/text" then return exchange:respond(200, "hello") end
    if path == "/empty" then return exchange:respond(204) end
    if path == "/error" then return exchange:respond_error(429, "RATE_LIMITED", "too many", 1.2) end
    if path == "/abort" then return exchange:abort() end
    if path == "/forgotten" then exchange:respond(401, "no") end
  end)");
  auto& json = gateway.get("/json");
  CHECK(json.status() == 403);
  CHECK(json.response_body() == R"({"error":{"code":"FORBIDDEN"}})");
  CHECK(json.response_headers().get("content-type") == "application/json");
  CHECK(json.response_headers().get("x-why") == "geo");
  CHECK(gateway.get("/text").response_body() == "hello");
  CHECK(gateway.get("/empty").status() == 204);
  auto& limited = gateway.get("/error");
  CHECK(limited.error_code() == "RATE_LIMITED");
  CHECK(limited.response_headers().get("retry-after") == "2");
  CHECK(gateway.get("/abort").aborted());
  CHECK_MESSAGE(gateway.get("/forgotten").status() == 401, "a forgotten `return` must not let the request pass");
  CHECK(gateway.get("/else").status() == 200);
}

TEST_CASE("a returned value that is no verdict is an error") {
  ScriptGateway gateway;
  gateway.run_table("on_request = function() return 403 end");
  CHECK(gateway.get("/").status() == 500);
  CHECK(gateway.logged("on_request returned a number"));
}

TEST_CASE("variables are typed and shared; built-in ones have short names") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    local v = exchange.variables
    v["agent.id"], v["agent.score"], v["agent.ok"] = v["consumer.id"], 2.5, true
    v["agent.count"] = 3
    assert(v["agent.score"] == 2.5 and v["agent.ok"] == true and v["agent.count"] == 3)
    assert(v["agent.none"] == nil)
    exchange.request.headers["x-client"] = exchange.client.ip
  end)");
  auto& x = gateway.request("GET", "/").set_variable("consumer.id", "anna").run();
  CHECK(x.status() == 200);
  CHECK(x.variable("agent.id") == "anna");
  CHECK(x.variable("agent.count") == "3");
}

TEST_CASE("bodies: buffered, changed, and streamed") {
  ScriptGateway gateway;
  gateway.run_table(R"(
    request_body = {policy = "buffer", limit = "1k", modifies = true},
    response_body = {policy = "stream", modifies = true},
    on_request_body = function(exchange)
      exchange.request.body = exchange.request.body:upper()
      exchange.request.headers["x-body"] = exchange.request.body
    end,
    on_response_body = function(exchange)
      local r = exchange.response
      r.body = "[" .. r.body .. (r.body_ended and "$" or "") .. "]"
    end)");
  auto& x = gateway.request("POST", "/", {}, "hello").send();
  CHECK(x.upstream_body() == "HELLO");
  x.reply(200, {}, {"ab", "cd"}).finish();
  CHECK(x.response_body() == "[ab][cd$]");
}

TEST_CASE("upstream hooks choose an endpoint, sign, see the result and retry") {
  ScriptGateway gateway;
  gateway.endpoints({{"a:1"}, {"b:2"}});
  gateway.run_table(R"(
    on_upstream_select = function(exchange)
      for _, endpoint in ipairs(exchange.upstream:endpoints()) do
        if endpoint.address == "b:2" then exchange.upstream:choose(endpoint.index) end
      end
    end,
    on_upstream_request = function(exchange) exchange.request.headers["x-signed"] = "yes" end,
    on_upstream_result = function(exchange, config, result)
      if result.outcome == "connect_failed" and result.attempt == 1 then assert(exchange:retry("10ms")) end
    end)");
  auto& x = gateway.request("GET", "/").send();
  CHECK(x.chosen_endpoint() == "b:2");
  CHECK(x.upstream_headers().get("x-signed") == "yes");
  x.fail_upstream(POSTERN_OUTCOME_CONNECT_FAILED);
  gateway.advance(10);
  CHECK(x.attempts() == 2);
  x.reply(200).finish();
  CHECK(x.status() == 200);
}

TEST_CASE("the response side sees origin and status and may change both head and status") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_response = function(exchange)
    exchange.response.headers["x-origin"] = exchange.origin .. " " .. exchange.response.status
    exchange.response.status = 201
  end)");
  auto& x = gateway.get("/");
  CHECK(x.response_headers().get("x-origin") == "upstream 200");
  CHECK(x.status() == 201);
}

TEST_CASE("exchange.state carries values from hook to hook and not to the next exchange") {
  ScriptGateway gateway;
  gateway.run_table(R"(
    on_request = function(exchange)
      assert(exchange.state.path == nil)
      exchange.state.path = exchange.request.path
    end,
    on_complete = function(exchange, config, completion)
      postern.log.info("done", {path = exchange.state.path, status = completion.status, finish = completion.finish})
    end)");
  gateway.get("/a");
  gateway.get("/b");
  const auto& log = gateway.log();
  REQUIRE(log.size() == 2);
  CHECK(log[0].field("path") == "/a");
  CHECK(log[1].field("path") == "/b");
  CHECK(log[1].field("finish") == "ok");
}

TEST_CASE("waiting works in every hook that may wait") {
  for (const std::string hook : {"on_request_early", "on_request", "on_request_body", "on_upstream_select",
                                 "on_upstream_request", "on_response", "on_response_body"}) {
    CAPTURE(hook);
    ScriptGateway gateway;
    gateway.on_call([](const FakeCall& call) {
      return CallReply{203, "for " + call.target, {{"X-A", "1"}}, POSTERN_OK, 5};
    });
    gateway.run_table(
        std::string(R"(request_body = {policy = "stream", modifies = true}, response_body = "stream", )") + hook +
        R"( = function(exchange)
      assert(postern.sleep("50ms"))
      local answer = assert(postern.http("auth", {path = "/check", headers = {["x-id"] = "7"}, timeout = 1}))
      exchange.variables["test.seen"] = answer.status .. " " .. answer.body .. " " .. answer.headers["x-a"]
      if exchange.state.calls == nil then exchange.state.calls = 0 end
      exchange.state.calls = exchange.state.calls + 1
    end)");
    auto& x = gateway.request("POST", "/", {}, "body").send();
    gateway.advance(100);
    x.reply(200, {}, {"answer"});
    gateway.advance(100);
    CHECK(!x.suspended());
    x.finish();
    CHECK(x.status() == 200);
    CHECK(x.variable("test.seen") == "203 for /check 1");
    CHECK(gateway.calls().at(0).headers.get("x-id") == "7");
  }
}

TEST_CASE("a body hook keeps its bytes while it waits") {
  ScriptGateway gateway;
  gateway.run_table(R"(request_body = {policy = "stream", modifies = true}, on_request_body = function(exchange)
    postern.sleep(0.01)
    exchange.request.body = exchange.request.body .. "!"
  end)");
  auto& x = gateway.request("POST", "/").body({"one", "two"}).send();
  gateway.advance(10);
  gateway.advance(10);
  CHECK(x.upstream_body() == "one!two!");
  x.reply(200).finish();
}

TEST_CASE("a call that fails is nil and a word") {
  ScriptGateway gateway;
  gateway.unknown_upstream("nowhere");
  gateway.on_call([](const FakeCall&) { return CallReply{0, "", {}, POSTERN_E_TIMEOUT, 0}; });
  gateway.run_table(R"(on_request = function(exchange)
    local a, why_a = postern.http("nowhere", {})
    local b, why_b = postern.http("auth", {method = "POST", body = {x = 1}})
    return exchange:respond(200, tostring(a) .. why_a .. tostring(b) .. why_b)
  end)");
  auto& x = gateway.request("GET", "/").send();
  gateway.run();
  CHECK(x.response_body() == "nilinvalidniltimeout");
  x.finish();
}

TEST_CASE("a verdict after waiting counts") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    postern.sleep(1)
    return exchange:respond(418, "late")
  end)");
  auto& x = gateway.request("GET", "/").send();
  CHECK(x.suspended());
  gateway.advance(1000);
  CHECK(x.status() == 418);
  x.finish();
}

TEST_CASE("the client may go while a script waits: close handlers run, nothing is left behind") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    local guard <close> = setmetatable({}, {__close = function() postern.log.info("closed") end})
    exchange.state.x = 1
    postern.http("slow", {})
  end)");
  auto& x = gateway.request("GET", "/").send();
  CHECK(x.suspended());
  x.abort();
  CHECK(gateway.logged("closed"));
  gateway.advance(60'000);
}

TEST_CASE("resumes that come late and twice do no harm") {
  ScriptGateway gateway;
  gateway.torture_resumes();
  gateway.run_table(R"(on_request = function(exchange)
    for i = 1, 3 do postern.sleep("1ms") end
    exchange.request.headers["x-done"] = "yes"
  end)");
  auto& x = gateway.request("GET", "/").send();
  for (int i = 0; i < 5; ++i) gateway.advance(1);
  CHECK(x.upstream_headers().get("x-done") == "yes");
  x.reply(200).finish();
}

TEST_CASE("hooks that may not wait say so") {
  ScriptGateway gateway;
  gateway.run_table("on_complete = function() postern.sleep(1) end");
  gateway.get("/");
  CHECK(gateway.logged("postern.sleep cannot be used in on_complete, which may not wait"));
}

TEST_CASE("many exchanges wait at once, each with its own request") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    local path = exchange.request.path
    postern.sleep(1)
    assert(exchange.request.path == path)
    exchange.request.headers["x-path"] = path
  end)");
  std::vector<postern::testing::FakeExchange*> all;
  for (int i = 0; i < 50; ++i) all.push_back(&gateway.request("GET", "/" + std::to_string(i)).send());
  gateway.advance(1000);
  for (int i = 0; i < 50; ++i) {
    CHECK(all[static_cast<std::size_t>(i)]->upstream_headers().get("x-path") == "/" + std::to_string(i));
    all[static_cast<std::size_t>(i)]->reply(200).finish();
  }
}

TEST_CASE("on_worker_start may wait; timers run in the background and can be cancelled") {
  ScriptGateway gateway;
  auto& instance = gateway.run_table(R"(
    on_worker_start = function(config)
      postern.sleep(1)
      local function tick()
        postern.log.info("tick")
        postern.timer("1s", tick)
      end
      postern.timer(1, tick)
      local other = postern.timer(1, function() postern.log.info("never") end)
      assert(other:cancel() == true and other:cancel() == false)
    end)");
  CHECK(instance.pending());
  gateway.advance(1000);
  CHECK(!instance.pending());
  gateway.advance(3000);
  CHECK(gateway.log().size() == 3);
}

TEST_CASE("an exchange object is of no use where there is no exchange") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(exchange)
    postern.timer(0, function() return exchange.request.path end)
  end)");
  gateway.get("/");
  gateway.advance(1);
  CHECK(gateway.logged("there is no exchange in a timer"));
}
