// A script that waits in every hook, through everything that can happen while it waits.
#include <doctest/doctest.h>

#include "testing/script_gateway.h"

using postern::lua::ScriptGateway;
using postern::testing::CallReply;
using postern::testing::drive;
using postern::testing::FakeCall;
using postern::testing::FakeExchange;

namespace {

constexpr const char* kWaitsEverywhere = R"(
  request_body = {policy = "stream", modifies = true}, response_body = {policy = "stream", modifies = true},
  limits = {instructions_per_resume = 1000},
  on_request_early = function(x) x.state.seen = "early" postern.sleep("1ms") end,
  on_request = function(x)
    local guard <close> = setmetatable({}, {__close = function() x = nil end})
    assert(postern.http("auth", {}).status == 200)
    local sum = 0
    for i = 1, 2000 do sum = sum + i end
    x.state.seen = x.state.seen .. sum
  end,
  on_request_body = function(x) postern.sleep(0.001) x.request.body = x.request.body:upper() end,
  on_upstream_select = function() pcall(postern.sleep, 0) end,
  on_upstream_request = function(x) postern.http("sign", {body = "x"}) x.request.headers["x-signed"] = "yes" end,
  on_response = function(x) postern.sleep(0.002) x.response.headers["x-seen"] = x.state.seen end,
  on_response_body = function(x) postern.sleep(0.001) x.response.body = "[" .. x.response.body .. "]" end,
  on_complete = function(x) assert(x.state.seen) end)";

FakeExchange& story(ScriptGateway& gateway) {
  gateway.on_call([](const FakeCall&) { return CallReply{200, "ok", {}, POSTERN_OK, 3}; });
  gateway.run_table(kWaitsEverywhere);
  return gateway.request("POST", "/").body({"some ", "bytes"});
}

void check_end(const ScriptGateway& gateway, const FakeExchange& x) {
  CHECK(x.status() == 200);
  CHECK(x.upstream_body() == "SOME BYTES");
  CHECK(x.upstream_headers().get("x-signed") == "yes");
  CHECK(x.response_headers().get("x-seen") == "early2001000");
  CHECK(x.response_body() == "[first ][second]");
  CHECK(gateway.log().empty());
}

}  // namespace

TEST_CASE("the story of a script that waits everywhere") {
  ScriptGateway gateway;
  FakeExchange& x = story(gateway);
  drive(gateway, x);
  check_end(gateway, x);
}

TEST_CASE("the client leaves at each point at which the script waits") {
  std::size_t points = 0;
  for (bool aborted = true; aborted; ++points) {
    CAPTURE(points);
    ScriptGateway gateway;
    FakeExchange& x = story(gateway).abort_at_suspension(points);
    drive(gateway, x);
    aborted = x.suspensions() > points;
    gateway.advance(120'000);
    CHECK(gateway.log().empty());
  }
  CHECK(points > 8);
}

TEST_CASE("every resume comes late and twice") {
  ScriptGateway gateway;
  gateway.torture_resumes();
  FakeExchange& x = story(gateway);
  drive(gateway, x);
  check_end(gateway, x);
}

TEST_CASE("a script that waits beyond the hook's deadline is left behind, and goes on without harm") {
  ScriptGateway gateway;
  gateway.run_table(R"(on_request = function(x)
    postern.sleep("1h")  -- longer than any hook may wait
    x.request.headers["x-late"] = "yes"
    return x:respond(200, "late")
  end)");
  FakeExchange& x = gateway.request("GET", "/").send();
  gateway.advance(5'000);
  CHECK(x.status() == 504);
  gateway.advance(3'600'000);
  CHECK(x.status() == 504);
  x.finish();
}
