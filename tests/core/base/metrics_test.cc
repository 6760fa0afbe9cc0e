// The metrics registry: definitions, the cap of a family, the text format, and counting from many threads.
#include "base/metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

using postern::GaugeShare;
using postern::Metrics;
using postern::Tally;

namespace {

Metrics::FamilyId histogram(Metrics& m, std::string_view name, std::vector<double> buckets,
                            std::vector<std::string_view> labels = {}) {
  return m.family({Metrics::Type::histogram, name, "h", labels, buckets, 0});
}

}  // namespace

TEST_CASE("a family is the same again when it agrees, and 0 when it does not") {
  Metrics m;
  auto id = m.counters("requests_total", "help", {"route"});
  CHECK(id != 0);
  CHECK(m.counters("requests_total", "other help", {"route"}) == id);
  CHECK(m.counters("requests_total", "help", {"host"}) == 0);
  CHECK(m.gauges("requests_total", "help", {"route"}) == 0);
  auto h = histogram(m, "seconds", {1, 2});
  CHECK(histogram(m, "seconds", {1, 2}) == h);
  CHECK(histogram(m, "seconds", {1, 3}) == 0);
}

TEST_CASE("malformed definitions are refused") {
  Metrics m;
  for (auto name : {"", "1a", "a-b", "a b", "a\n", "\xC3\xA4"}) CHECK(m.counters(name, "", {}) == 0);
  CHECK(m.counters(std::string(201, 'a'), "", {}) == 0);
  CHECK(m.counters("a:b_c", "", {}) != 0);
  for (auto label : {"", "__a", "a:b", "1", "a-b"}) CHECK(m.counters("x", "", {label}) == 0);
  CHECK(m.counters("x", "", {"a", "a"}) == 0);
  CHECK(m.counters("x", "", {"a"}, 100'001) == 0);
  CHECK(histogram(m, "h", {}) == 0);
  CHECK(histogram(m, "h", {2, 1}) == 0);
  CHECK(histogram(m, "h", {1, 1}) == 0);
  CHECK(histogram(m, "h", {std::numeric_limits<double>::infinity()}) == 0);
  CHECK(histogram(m, "h", {1}, {"le"}) == 0);
  std::vector<double> bucket{1};
  CHECK(m.family({Metrics::Type::counter, "c", "", {}, bucket, 0}) == 0);
}

TEST_CASE("a histogram's samples cannot collide with another family") {
  Metrics m;
  CHECK(m.counters("a_count", "", {}) != 0);
  CHECK(histogram(m, "a", {1}) == 0);
  CHECK(histogram(m, "b", {1}) != 0);
  CHECK(m.gauges("b_sum", "", {}) == 0);
}

TEST_CASE("the text format") {
  Metrics m;
  auto requests = m.counters("requests_total", "Requests\nwith \\ and \".", {"route", "host"});
  m.add(m.series(requests, {"b", "x"}), 2);
  m.add(m.series(requests, {"a", "say \"hi\"\\\n"}), 1.5);
  m.set(m.gauge("load", "Load."), 1'000'000);
  m.gauge("never_set", "Zero.");
  m.counters("unused_total", "Not shown.", {"x"});
  auto seconds = m.series(histogram(m, "seconds", {0.1, 1}, {"route"}), {"a"});
  for (double v : {0.05, 0.1, 0.5, 7.0}) m.observe(seconds, v);
  CHECK(m.expose() == R"(# HELP load Load.
# TYPE load gauge
load 1000000
# HELP never_set Zero.
# TYPE never_set gauge
never_set 0
# HELP requests_total Requests\nwith \\ and ".
# TYPE requests_total counter
requests_total{route="a",host="say \"hi\"\\\n"} 1.5
requests_total{route="b",host="x"} 2
# HELP seconds h
# TYPE seconds histogram
seconds_bucket{route="a",le="0.1"} 2
seconds_bucket{route="a",le="1"} 3
seconds_bucket{route="a",le="+Inf"} 4
seconds_sum{route="a"} 7.65
seconds_count{route="a"} 4
)");
}

TEST_CASE("numbers that are not finite") {
  Metrics m;
  auto g = m.gauge("g", "");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  m.set(g, infinity);
  CHECK(m.expose().find("g +Inf\n") != std::string::npos);
  m.set(g, std::nan(""));
  CHECK(m.expose().find("g NaN\n") != std::string::npos);
  m.set(g, 3);
  m.add(g, infinity);
  m.add(g, std::nan(""));
  CHECK(m.value(g) == 3);
}

TEST_CASE("label values become valid UTF-8 of bounded length") {
  Metrics m;
  auto f = m.counters("c", "", {"l"});
  CHECK(m.series(f, {"a\xFFz"}) == m.series(f, {"a\xEF\xBF\xBDz"}));
  CHECK(m.series(f, {"\xED\xA0\x80"}) == m.series(f, {"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}));  // a surrogate
  CHECK(m.series(f, {std::string(300, 'x')}) == m.series(f, {std::string(256, 'x')}));
  m.series(f, {"\xC3\xA4\xF0\x9F\x98\x80"});
  CHECK(m.expose().find("\xC3\xA4\xF0\x9F\x98\x80") != std::string::npos);
}

TEST_CASE("beyond its cap a family counts in the series \"other\"") {
  Metrics m;
  auto f = m.counters("c", "", {"a", "b"}, 2);
  auto first = m.series(f, {"1", "x"});
  auto second = m.series(f, {"2", "x"});
  auto third = m.series(f, {"3", "x"});
  CHECK(first != second);
  CHECK(third == m.series(f, {"4", "y"}));
  CHECK(third == m.series(f, {"other", "other"}));
  CHECK(m.series(f, {"1", "x"}) == first);
  m.add(third, 5);
  CHECK(m.expose().find("c{a=\"other\",b=\"other\"} 5\n") != std::string::npos);

  auto g = m.counters("g", "", {"a"}, 2);
  auto other = m.series(g, {"other"});  // having been asked for by name, it takes no room from the others
  CHECK(m.series(g, {"1"}) != other);
  CHECK(m.series(g, {"2"}) != other);
  CHECK(m.series(g, {"3"}) == other);
}

TEST_CASE("a removed series is not exposed, makes room, and comes back with what it had counted") {
  Metrics m;
  auto f = m.counters("c", "", {"endpoint"}, 1);
  auto first = m.series(f, {"a"});
  m.add(first, 3);
  CHECK(m.remove(first) == Metrics::Removal::removed);
  CHECK(m.remove(first) == Metrics::Removal::unknown);
  CHECK(m.expose().empty());

  auto second = m.series(f, {"b"});
  CHECK(second != first);
  CHECK(m.series(f, {"a"}) == m.series(f, {"other"}));  // its room is taken
  CHECK(m.remove(m.series(f, {"other"})) == Metrics::Removal::other);
  CHECK(m.remove(second) == Metrics::Removal::removed);
  CHECK(m.series(f, {"a"}) == first);
  CHECK(m.expose().find("c{endpoint=\"a\"} 3\n") != std::string::npos);
  CHECK(m.remove(0) == Metrics::Removal::unknown);
}

TEST_CASE("the larger cap of a family that is defined again wins") {
  Metrics m;
  auto f = m.counters("c", "", {"a"}, 1);
  auto first = m.series(f, {"1"});
  auto second = m.series(f, {"2"});
  CHECK(second == m.series(f, {"other"}));
  CHECK(m.counters("c", "", {"a"}, 2) == f);
  CHECK(m.series(f, {"2"}) != second);
  CHECK(m.counters("c", "", {"a"}, 1) == f);
  CHECK(m.series(f, {"1"}) == first);
  CHECK(m.series(f, {"2"}) != second);
}

TEST_CASE("a valid family always has a series, another has none") {
  Metrics m;
  auto f = m.counters("c", "", {"a"});
  CHECK(m.series(f, {}) == m.series(f, {"other"}));
  CHECK(m.series(0, {}) == 0);
  CHECK(m.series(99, {}) == 0);
  CHECK(m.series(1'000'000, {}) == 0);
}

TEST_CASE("writes to a series of another type, or to none, change nothing") {
  Metrics m;
  auto c = m.counter("c", "");
  auto g = m.gauge("g", "");
  auto h = m.series(histogram(m, "h", {1}), {});
  m.add(c, -1);
  m.set(c, 7);
  m.observe(c, 7);
  m.observe(g, 7);
  m.add(h, 7);
  m.set(h, 7);
  for (Metrics::Series wild :
       {Metrics::Series{0}, ~Metrics::Series{0}, c | 0xffffffff, h | 0xffffffff, g | 0xfffffff0}) {
    m.add(wild, 1);
    m.set(wild, 1);
    m.observe(wild, 1);
    m.value(wild);
  }
  CHECK(m.value(c) == 0);
  CHECK(m.value(g) == 0);
  CHECK(m.expose().find("h_count 0") != std::string::npos);
}

TEST_CASE("setting a gauge replaces what all threads added") {
  Metrics m;
  auto g = m.gauge("g", "");
  m.add(g, 5);
  std::thread([&] {
    Metrics::become_worker(3);
    m.add(g, 7);
  }).join();
  CHECK(m.value(g) == 12);
  m.set(g, 2);
  CHECK(m.value(g) == 2);
  m.add(g, -1);
  CHECK(m.value(g) == 1);
}

TEST_CASE("a share of a gauge counts until it goes") {
  auto g = postern::metrics().gauge("test_shared_gauge", "");
  {
    GaugeShare a(g), b(g);
    a.set(3);
    b.set(4);
    a.set(1);
    CHECK(postern::metrics().value(g) == 5);
  }
  CHECK(postern::metrics().value(g) == 0);
}

TEST_CASE("tallies of workers and of other threads count alike") {
  auto g = postern::metrics().gauge("test_tallied_gauge", "");
  auto c = postern::metrics().counter("test_tallied_total", "");
  auto count = [&](double amount) {
    Tally gauge(g), counter(c);
    for (int i = 0; i < 3; ++i) gauge.add(amount);
    for (int i = 0; i < 3; ++i) counter.add(1);
  };
  std::thread worker([&] {
    Metrics::become_worker(7);
    count(2);
    count(-1);
    CHECK(postern::metrics().own_cell(g) != nullptr);
  });
  worker.join();
  count(10);
  CHECK(postern::metrics().own_cell(g) == nullptr);  // this thread is no worker
  CHECK(postern::metrics().value(g) == 33);
  CHECK(postern::metrics().value(c) == 9);
  Tally().add(1);  // of no series: nothing
}

TEST_CASE("only what can be added to has a cell of a worker's own") {
  Metrics m;
  auto times = m.series(histogram(m, "h", {1}), {});
  auto counter = m.counter("c", "");
  std::thread worker([&] {
    Metrics::become_worker(8);
    CHECK(m.own_cell(Metrics::Series{0}) == nullptr);
    CHECK(m.own_cell(times) == nullptr);
    REQUIRE(m.own_cell(counter) != nullptr);
    CHECK(m.own_cell(counter) == m.own_cell(counter));
    CHECK(m.own_cell(~Metrics::Series{0}) == nullptr);
  });
  worker.join();
}

TEST_CASE("series in later chunks count as well") {
  Metrics m;
  auto f = m.counters("c", "", {"n"}, 5'000);
  std::vector<Metrics::Series> all;
  for (int i = 0; i < 5'000; ++i) all.push_back(m.series(f, {std::to_string(i)}));
  for (auto s : all) m.add(s, 1);
  for (auto s : all) CHECK(m.value(s) == 1);
}

TEST_CASE("collectors run before each exposition until they are removed") {
  Metrics m;
  auto g = m.gauge("g", "");
  int runs = 0;
  auto id = m.add_collector([&] { m.set(g, ++runs); });
  CHECK(m.expose().find("g 1\n") != std::string::npos);
  CHECK(m.expose().find("g 2\n") != std::string::npos);
  m.remove_collector(id);
  CHECK(m.expose().find("g 2\n") != std::string::npos);
}

TEST_CASE("a writer of pieces may use the registry") {
  Metrics m;
  m.counter("a", "");
  m.counter("b", "");
  m.expose([&](std::string_view) { m.counter("c", ""); });
  CHECK(m.expose().find("c 0\n") != std::string::npos);
}

TEST_CASE("nothing is lost when workers and other threads count at once") {
  Metrics m;
  auto family = m.counters("c", "", {"n"});
  auto shared = m.series(family, {"shared"});
  auto h = m.series(histogram(m, "h", {10, 20}), {});
  auto g = m.gauge("g", "");
  constexpr int kThreads = 6, kRounds = 2'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      if (t < 4) Metrics::become_worker(static_cast<std::uint32_t>(t));
      for (int i = 0; i < kRounds; ++i) {
        m.add(shared, 1);
        m.observe(h, i % 30);
        m.add(g, i % 2 == 0 ? 1 : -1);
        if (i % 100 == 0) m.add(m.series(family, {std::to_string(i)}), 1);
        if (i % 1000 == 0) m.expose();
      }
    });
  for (auto& t : threads) t.join();
  CHECK(m.value(shared) == kThreads * kRounds);
  CHECK(m.value(g) == 0);
  CHECK(m.expose().find("h_count " + std::to_string(kThreads * kRounds) + "\n") != std::string::npos);
  CHECK(m.value(m.series(family, {"100"})) == kThreads);
}
