#include <doctest/doctest.h>
#include <postern/testing.h>

#include <string>

using postern::testing::FakeGateway;

namespace {

struct Row {
  std::string config, says;
};

}  // namespace

TEST_CASE("all spellings load") {
  for (
      std::string config : {
          R"({"limit": 100, "window": "60s", "by": "ip"})",
          R"({"requests": 100, "window": "60s"})",
          R"({"requests_per_minute": 100, "burst_size": 10})",
          R"({"requests_per_second": 100, "burst_size": 200})",
          R"({"requests_per_hour": 100})",
          R"({"rate_limits": [{"dimension": "ip", "limit": 100, "window": "60s"},
                               {"dimension": "user", "limit": 1000, "window": "3600s"}]})",
          R"({"limits": [{"limit": 1, "window": "1s", "by": ["ip", {"header": "X-A"}, {"variable": "request.path"}]}]})",
          R"({"limit": 10000, "window": "1d", "algorithm": "sliding_window", "by": "global"})",
          R"({"limit": 1000000000, "window": "30d", "algorithm": "sliding_counter", "by": "route"})",
      }) {
    CAPTURE(config);
    FakeGateway gateway;
    auto& instance = gateway.configure_json(config);
    CHECK(instance.problem_text().empty());
    CHECK(instance.ok());
  }
}

TEST_CASE("what contradicts itself is refused where it stands") {
  for (const Row& row : {
           Row{R"({})", "needs a rate"},
           Row{R"({"limit": 1})", "limit: needs a window"},
           Row{R"({"window": "1s"})", "needs a rate"},
           Row{R"({"limit": 1, "requests": 1, "window": "1s"})", "requests: \"limit\" says the rate already"},
           Row{R"({"requests_per_second": 1, "window": "1s"})", "window: \"requests_per_second\" has its window"},
           Row{R"({"requests_per_second": 1, "burst": 1, "burst_size": 2})", "burst_size: is another word"},
           Row{R"({"requests_per_second": 1, "by": "ip", "dimension": "ip"})", "dimension: is another word"},
           Row{R"({"requests_per_second": 1, "burst": 1, "algorithm": "sliding_window"})",
               "burst: only a token_bucket"},
           Row{R"({"limit": 10001, "window": "1s", "algorithm": "sliding_window"})", "at most 10000"},
           Row{R"({"limit": 1, "window": "2d", "algorithm": "sliding_window"})", "a day long"},
           Row{R"({"requests_per_second": 1, "limits": [{"requests_per_second": 1}]})", "limits: move the limit"},
           Row{R"({"limits": [{"requests_per_second": 1}, {"by": "ip"}]})", "limits[1]: needs a rate"},
       }) {
    CAPTURE(row.config);
    FakeGateway gateway;
    auto& instance = gateway.configure_json(row.config);
    CHECK_FALSE(instance.ok());
    CAPTURE(instance.problem_text());
    CHECK(instance.problem_text().find(row.says) != std::string::npos);
  }
}

TEST_CASE("it consumes what it counts by, and nothing else") {
  struct Needs {
    std::string by;
    bool consumer, tier;
  };
  for (const Needs& row :
       {Needs{R"("ip")", false, false}, Needs{R"("consumer")", true, false}, Needs{R"("user")", true, false},
        Needs{R"("api_key")", true, false}, Needs{R"(["ip", {"variable": "consumer.tier"}])", false, true},
        Needs{R"({"header": "X-A"})", false, false}, Needs{R"("route")", false, false}}) {
    CAPTURE(row.by);
    FakeGateway gateway;
    auto& instance = gateway.configure_json(R"({"requests_per_second": 1, "by": )" + row.by + "}");
    CHECK(instance.consumes("consumer.id") == row.consumer);
    CHECK(instance.consumes("consumer.tier") == row.tier);
  }
}
