// Hook counters are shown, and outlive their owners.
#include "exchange/hook_metrics.h"

#include <doctest/doctest.h>

#include <string>

#include "core/base/metrics_sample.h"

using namespace postern;
using namespace postern::proxy;

namespace {

CallCounters& request(HookCounters& c) { return c.hooks[static_cast<std::size_t>(Hook::request)]; }

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
