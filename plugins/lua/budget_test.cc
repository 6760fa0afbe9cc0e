// Limits: what ends a script that runs wild, and that no pcall catches it.
#include <doctest/doctest.h>

#include <string>

#include "computing_time.h"
#include "testing/fake_computing_clock.h"
#include "testing/script_gateway.h"

using postern::lua::ComputingTime;
using postern::lua::FakeComputingClock;
using postern::lua::ScriptGateway;

namespace {

// Runs the text as on_request with small limits until nothing is due; returns the status.
std::uint32_t status_of(const std::string& text, std::string* log = nullptr) {
  ScriptGateway gateway;
  gateway.run_table("limits = {instructions_per_exchange = 300000, memory = '4m'}, on_request = function(exchange) " +
                    text + " end");
  auto& x = gateway.request("GET", "/").send();
  for (int i = 0; i < 100 && x.suspended(); ++i) gateway.run();
  if (x.at_upstream()) x.reply(200);
  const std::uint32_t status = x.status();
  x.finish();
  if (log != nullptr && !gateway.log().empty()) *log = gateway.log()[0].message;
  // Whatever happened, the next exchange is served.
  auto& next = gateway.request("GET", "/next", {{"x-calm", "1"}}).send();
  for (int i = 0; i < 100 && next.suspended(); ++i) gateway.run();
  next.finish();
  return status;
}

}  // namespace

TEST_CASE("a script that runs wild ends with 500, whatever it does about it") {
  struct Case {
    std::string what;
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"endless loop", "while true do end", "used more than its 300000 instructions"},
      {"in pcall", "while true do pcall(function() while true do end end) end", "instructions"},
      {"deep in pcalls", "local function f() while true do pcall(f) end end f()", ""},
      {"in an xpcall handler", "local function w() while true do end end xpcall(w, w)", "instructions"},
      {"in a close handler",
       "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end", ""},
      {"in a metamethod", "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
       "instructions"},
      {"in a comparison", "table.sort({3, 2, 1}, function() while true do end end)", "instructions"},
      {"in a replacement", "('x'):gsub('x', function() while true do end end)", "instructions"},
      {"in an iterator", "for _ in function() return 1 end do end", "instructions"},
      {"pattern", "return (('a'):rep(200)):find(('a-'):rep(30) .. 'b')", "instructions"},
      {"pattern in pcall", "while true do pcall(string.find, ('a'):rep(200), ('a-'):rep(30) .. 'b') end",
       "instructions"},
      {"memory", "local t = {} for i = 1, 1e9 do t[i] = {} end", "memory"},
      {"memory in pcall", "pcall(function() local t = {} for i = 1, 1e9 do t[i] = {i} end end) while true do end",
       "memory"},
      {"one string", "pcall(string.rep, 'x', 2^27 // 1 | 0)", "memory"},
      {"growing string", "local s = 'x' while true do s = s .. s end", "memory"},
      {"copies", "local s = ('x'):rep(1000000) while true do local t = s .. 'y' end", "instructions"},
      {"recursion", "local function f() return 1 + f() end f()", ""},
      {"stack of pcalls", "local function f() return pcall(f) end f() while true do f() end", ""},
      {"empty repetition", "local s = (''):rep(2^62 // 1 | 0) while true do end", "instructions"},
      {"made-up length", "table.insert(setmetatable({}, {__len = function() return 2^60 // 1 | 0 end}), 1, 1)",
       "table too long"},
      {"made-up range", "table.move({}, 1, 2^60 // 1 | 0, 2)", "range too long"},
      {"concat of a made-up table",
       "table.concat(setmetatable({}, {__index = function() return 'x' end}), '', 1, 2^60 // 1 | 0)", ""},
      {"json of a cycle", "local t = {} t.t = t postern.json.encode(t)", "json: more than 100 levels"},
      {"json of one long key again and again",
       "local long, t = ('k'):rep(500000), nil for i = 1, 90 do t = {a = t or 1, [long] = 1} end "
       "postern.json.encode(t)",
       "json: the text is too long"},
      {"json of depth", "assert(postern.json.decode(('['):rep(1000)))", "more than 100 levels"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    std::string log;
    const std::string calm = "if exchange.request.headers['x-calm'] then return end ";
    CHECK(status_of(calm + test.text, &log) == 500);
    CHECK(log.find(test.message) != std::string::npos);
  }
}

TEST_CASE("a long computation gives up the thread and goes on") {
  ScriptGateway gateway;
  gateway.run_table(R"(limits = {instructions_per_resume = 1000},
    on_request = function(exchange)
      local sum = 0
      for i = 1, 10000 do sum = sum + i end
      exchange.request.headers["x-sum"] = sum
    end)");
  auto& x = gateway.request("GET", "/").send();
  CHECK(x.suspended());
  for (int i = 0; i < 200 && x.suspended(); ++i) gateway.run();
  CHECK(x.upstream_headers().get("x-sum") == "50005000");
  CHECK(x.suspensions() == 1);
  x.reply(200).finish();
}

TEST_CASE("a hook that may not wait has the instructions of one resume") {
  ScriptGateway gateway;
  gateway.run_table("limits = {instructions_per_resume = 5000}, on_complete = function() while true do end end");
  gateway.get("/");
  CHECK(gateway.logged("on_complete used more than its 5000 instructions"));
}

TEST_CASE("short hooks do not pay for those that ran before them in the same coroutine") {
  ScriptGateway gateway;
  gateway.run_table(R"(limits = {instructions_per_resume = 1000, instructions_per_exchange = 1000},
    on_complete = function(exchange)
      local t = {exchange.request.path}
      for i = 1, 50 do t[i] = i end
    end)");
  for (int i = 0; i < 100; ++i) gateway.get("/");
  CHECK(gateway.log().empty());
}

TEST_CASE("nor for what others have allocated") {
  ScriptGateway gateway;
  gateway.run_table(R"(limits = {instructions_per_resume = 8000}, on_request = function(exchange)
      exchange.state.copies = ("x"):rep(200000) .. "y"
    end,
    on_complete = function() for i = 1, 2000 do local twice = i + i end end)");
  for (int i = 0; i < 10; ++i) gateway.get("/");
  CHECK(gateway.log().empty());
}

TEST_CASE("what a hook allocates counts, however short it is") {
  ScriptGateway gateway;
  gateway.run_table(R"(limits = {instructions_per_exchange = 300000},
    on_request = function(exchange)
      while true do local text = ("x"):rep(200000) .. "y" postern.sleep(0) end
    end)");
  auto& x = gateway.request("GET", "/").send();
  for (int i = 0; i < 1000 && x.suspended(); ++i) gateway.advance(1);
  CHECK(x.status() == 500);
  CHECK(gateway.logged("on_request used more than its 300000 instructions"));
}

TEST_CASE("a client that leaves a computing script ends it") {
  ScriptGateway gateway;
  gateway.run_table("limits = {instructions_per_resume = 1000}, on_request = function() while true do end end");
  auto& x = gateway.request("GET", "/").send();
  CHECK(x.suspended());
  x.abort();
  gateway.run();
}

TEST_CASE("the state is fresh after its memory was used up") {
  ScriptGateway gateway;
  CHECK(gateway.open(gateway.folder.write("test/test.lua", R"(
    local leak, count = {}, 0
    return {name = "test", version = "1", limits = {memory = "512k"},
      on_request = function(exchange)
        count = count + 1
        exchange.request.headers["x-count"] = count
        if exchange.request.path == "/leak" then for i = 1, 1e9 do leak[i] = {} end end
      end})")));
  gateway.configure();
  CHECK(gateway.get("/").upstream_headers().get("x-count") == "1");
  CHECK(gateway.get("/").upstream_headers().get("x-count") == "2");
  CHECK(gateway.get("/leak").status() == 500);
  CHECK(gateway.logged("not enough memory"));
  CHECK(gateway.get("/").upstream_headers().get("x-count") == "1");
}

TEST_CASE("an exchange that waits in the old state ends there") {
  ScriptGateway gateway;
  gateway.run_table(R"(limits = {memory = "512k"}, on_request = function(exchange)
      exchange.state.path = exchange.request.path
      if exchange.request.path == "/leak" then local t = {} for i = 1, 1e9 do t[i] = {} end end
      postern.sleep(1)
      exchange.request.headers["x-path"] = exchange.state.path
    end, on_response = function(exchange) exchange.response.headers["x-state"] = tostring(exchange.state.path) end)");
  auto& waiting = gateway.request("GET", "/waiting").send();
  CHECK(gateway.get("/leak").status() == 500);
  gateway.advance(1000);
  CHECK(waiting.upstream_headers().get("x-path") == "/waiting");
  waiting.reply(200).finish();
  CHECK(waiting.response_headers().get("x-state") == "nil");
}

TEST_CASE("limits have bounds") {
  ScriptGateway gateway;
  CHECK(!gateway.open_table("limits = {memory = '1k'}"));
  CHECK(gateway.error().find("limits.memory must lie between 262144 and 268435456") != std::string::npos);
}

TEST_CASE("an endless script does not hang the load") {
  ScriptGateway gateway;
  CHECK(!gateway.open(gateway.folder.write("test/test.lua", "while true do end")));
  CHECK(gateway.error().find("test/test.lua:1: stopped: loading used more than") != std::string::npos);
}

TEST_CASE("library functions are charged by what they work through") {
  const std::string functions[] = {
      "utf8.len(s)",
      "utf8.offset(s, 900000)",
      "utf8.codepoint(digits, digits)",
      "tonumber(digits)",
      "math.abs(digits)",
      "math.random(digits)",
      "(s):sub(digits)",
      "(s):byte(1, 100000)",
      "('x'):rep(digits)",
      "(s):find('x', digits)",
      "(s):find('b', 1, true)",
      "('%d'):format(digits)",
      "('z'):unpack(s)",
      "digits + 1",
      "select('#', table.unpack({}, 1, 20000))",
      "table.concat(holes, '', 1, 100000)",
      "table.sort({s, other, s, other, s, other})",
      "table.insert({}, digits, 1)",
      "os.difftime(digits, digits)",
      "os.date('', digits)",
      "('x'):gsub('x', ('%1'):rep(100000))",
      "postern.crypto.hmac_sha256(s, 'x')",
      "postern.crypto.equal(s, other)",
  };
  for (const std::string& function : functions) {
    CAPTURE(function);
    std::string log;
    const std::string text =
        "if exchange.request.headers['x-calm'] then return end local s, other = ('a'):rep(1000000), ('a'):rep(999999) "
        ".. 'b' "
        "local digits, holes = ('0'):rep(400000) .. '1', {} for i = 1, 100 do holes[i] = '' end "
        "setmetatable(holes, {__index = function() return '' end}) "
        "for i = 1, 60 do pcall(function() return " +
        function + " end) end";
    CHECK(status_of(text, &log) == 500);
    CAPTURE(log);
    CHECK(log.find("instructions") != std::string::npos);
  }
}

TEST_CASE("instructions that take long count as more") {
  ScriptGateway gateway;
  FakeComputingClock::ns_per_look = 10'000'000;
  gateway.run_table(R"(limits = {instructions_per_exchange = 300000},
    on_request = function() while true do pcall(function() for i = 1, 5000 do local twice = i + i end end) end end,
    on_complete = function() for i = 1, 10000 do local twice = i + i end end)");
  auto& x = gateway.request("GET", "/").send();
  int turns = 0;
  for (; turns < 100 && x.suspended(); ++turns) gateway.run();
  CHECK(turns == 1);  // a look is worth 100,000 instructions, as much as a resume may have; and so is the resume's end
  CHECK(x.status() == 500);
  CHECK(gateway.logged("on_request used more than its 300000 instructions"));
  x.finish();
}

TEST_CASE("the more one instruction can do, the sooner the next look") {
  ScriptGateway gateway;
  FakeComputingClock::ns_per_look = 10'000'000;
  gateway.run_table(R"(on_complete = function(exchange)
      local s = exchange.request.path == "/large" and ("x"):rep(8000000) or ""
      for i = 1, 200 do local same = s == "x" end
    end)");
  gateway.get("/small");
  CHECK(gateway.log().empty());
  gateway.get("/large");
  CHECK(gateway.logged("on_complete used more than its 100000 instructions"));
}

TEST_CASE("time that has been paid for by the count costs nothing") {
  FakeComputingClock clock;
  ComputingTime time;
  CHECK(time.take() == 0);
  FakeComputingClock::ns_per_look = 2'000'000;
  time.note(15'000);
  CHECK(time.take() == 5'000);
  CHECK(time.take() == 20'000);
  time.note(100'000);
  CHECK(time.take() == 0);
  time.restart();
  CHECK(time.take() == 0);
  FakeComputingClock::ns_per_look = 900'000;  // too short to say much: it waits for more
  CHECK(time.take() == 0);
  CHECK(time.take() == 18'000);
}
