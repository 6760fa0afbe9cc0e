// What the request path shows in the metrics: hook counters that outlive their owners, endpoint gauges that do not.
#include "server/server_metrics.h"

#include <doctest/doctest.h>

#include <string>

using namespace postern;
using namespace postern::proxy;

namespace {

// The rest of the line that begins with `sample`, or "".
std::string sample(const std::string& begin) {
  std::string text = metrics().expose();
  auto at = text.find("\n" + begin + " ");
  if (at == std::string::npos) return "";
  at += begin.size() + 2;
  return text.substr(at, text.find('\n', at) - at);
}

HookCounters::PerHook& request(HookCounters& c) { return c.hooks[static_cast<std::size_t>(Hook::request)]; }

}  // namespace

TEST_CASE("hook counters are shown by plugin, route and hook, and stay when their owner goes") {
  const std::string labels = R"({plugin="jwt",route="users",hook="on_request"})";
  HookCounters counters;
  auto shown = std::make_unique<HookPublication>(counters, "jwt", "users");
  CHECK(sample("postern_plugin_calls_total" + labels) == "");
  request(counters).calls.add(3);
  request(counters).suspended_ns.add(1'500'000'000);
  counters.shadowed.add(2);
  CHECK(sample("postern_plugin_calls_total" + labels) == "3");
  CHECK(sample("postern_plugin_calls_total" + labels) == "3");
  CHECK(sample("postern_plugin_suspended_seconds_total" + labels) == "1.5");
  CHECK(sample("postern_plugin_errors_total" + labels) == "");
  CHECK(sample(R"(postern_plugin_shadowed_total{plugin="jwt",route="users"})") == "2");
  request(counters).calls.add(1);
  shown.reset();
  CHECK(sample("postern_plugin_calls_total" + labels) == "4");

  HookCounters next;  // of the next generation: it goes on counting in the same series
  HookPublication again(next, "jwt", "users");
  request(next).calls.add(1);
  CHECK(sample("postern_plugin_calls_total" + labels) == "5");
}

TEST_CASE("the time inside hooks is scaled from the sampled calls") {
  const std::string time = R"(postern_plugin_time_seconds_total{plugin="slow",route="",hook="on_request"})";
  HookCounters counters;
  HookPublication shown(counters, "slow", "");
  request(counters).calls.add(10);
  CHECK(sample(time) == "");  // nothing is known yet
  request(counters).calls.add(118);
  request(counters).sampled_calls.add(2);
  request(counters).sampled_ns.add(500'000'000);
  CHECK(sample(time) == "32");  // 128 calls of 250 ms
  request(counters).calls.add(4);
  CHECK(sample(time) == "33");  // as long as the latest that were timed
}

TEST_CASE("what several workers have of one endpoint adds up, and goes with them") {
  const std::string labels = R"({upstream="users",target="127.0.0.1:9001"})";
  {
    EndpointMetrics one("users", "127.0.0.1:9001");
    one.pool(3, 1, 0);
    one.attempt();
    {
      EndpointMetrics two("users", "127.0.0.1:9001");
      two.pool(2, 2, 5);
      two.attempt();
      two.failure();
      one.weight(4, true);
      two.weight(4, true);
      CHECK(sample("postern_upstream_connections" + labels) == "5");
      CHECK(sample("postern_upstream_connections_idle" + labels) == "3");
      CHECK(sample("postern_upstream_waiting" + labels) == "5");
      CHECK(sample("postern_upstream_weight" + labels) == "4");
    }
    CHECK(sample("postern_upstream_connections" + labels) == "3");
    CHECK(sample("postern_upstream_waiting" + labels) == "0");
  }
  CHECK(sample("postern_upstream_connections" + labels) == "0");
  CHECK(sample("postern_upstream_attempts_total" + labels) == "2");
  CHECK(sample("postern_upstream_failures_total" + labels) == "1");
}

TEST_CASE("the gateway's own series exist from the start") {
  WorkerMetrics one, other;
  one.connections.add(2);
  other.connections.add(-1);
  CHECK(sample("postern_connections") == "1");
  one.connections.add(-1);
  CHECK(sample("postern_exchanges_total") == "0");
  CHECK(sample("postern_log_lines_dropped") == "0");
}
