// The shared dictionary: values, times to live, eviction, limits by key, and many threads at once.
#include "base/dict.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

using namespace postern;

namespace {

struct Fixture {
  FakeClock clock;
  Dict dict{1024 * 1024};

  std::string get(std::string_view key) {
    char buffer[64];
    std::uint64_t length = 0;
    auto status = dict.get(key, buffer, length, clock.now_ms());
    if (status != DictStatus::ok) return "status " + std::to_string(static_cast<int>(status));
    return {buffer, std::min<std::size_t>(length, sizeof buffer)};
  }
  DictStatus set(std::string_view key, std::string_view value, std::uint64_t ttl_ms = 0) {
    return dict.set(key, value, ttl_ms, clock.now_ms());
  }
  const std::string absent = "status " + std::to_string(static_cast<int>(DictStatus::not_found));
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "set, get, add, remove") {
  CHECK(get("a") == absent);
  CHECK(set("a", "1") == DictStatus::ok);
  CHECK(set("a", "two") == DictStatus::ok);
  CHECK(get("a") == "two");
  CHECK(dict.add("a", "3", 0, clock.now_ms()) == DictStatus::exists);
  CHECK(dict.add("b", "3", 0, clock.now_ms()) == DictStatus::ok);
  CHECK(dict.size() == 2);
  CHECK(dict.remove("a", clock.now_ms()) == DictStatus::ok);
  CHECK(dict.remove("a", clock.now_ms()) == DictStatus::not_found);
  CHECK(dict.remove("b", clock.now_ms()) == DictStatus::ok);
  CHECK(dict.bytes() == 0);
}

TEST_CASE_FIXTURE(Fixture, "get copies what fits and tells the length") {
  set("a", "abcdef");
  char buffer[3] = {'-', '-', '-'};
  std::uint64_t length = 0;
  CHECK(dict.get("a", std::span<char>(buffer, 2), length, 0) == DictStatus::ok);
  CHECK(length == 6);
  CHECK(std::string(buffer, 3) == "ab-");
  CHECK(dict.get("a", {}, length, 0) == DictStatus::ok);
  CHECK(length == 6);
}

TEST_CASE_FIXTURE(Fixture, "keys and values have bounds") {
  CHECK(set("", "v") == DictStatus::invalid);
  CHECK(set(std::string(1025, 'k'), "v") == DictStatus::invalid);
  CHECK(set(std::string(1024, 'k'), std::string(1, '\0')) == DictStatus::ok);
  CHECK(set("a", std::string(1024 * 1024 + 1, 'v')) == DictStatus::invalid);
  CHECK(set("a", std::string(1024 * 1024, 'v')) == DictStatus::limit);  // with its overhead larger than all of the dict
  dict.grow_to(2 * 1024 * 1024);
  CHECK(set("a", std::string(1024 * 1024, 'v')) == DictStatus::ok);
  dict.grow_to(1);
  CHECK(dict.max_bytes() == 2 * 1024 * 1024);
}

TEST_CASE_FIXTURE(Fixture, "a time to live ends exactly then") {
  set("a", "1", 100);
  set("b", "1");
  clock.advance_ms(99);
  CHECK(get("a") == "1");
  clock.advance_ms(1);
  CHECK(get("a") == absent);
  CHECK(dict.add("a", "2", 50, clock.now_ms()) == DictStatus::ok);
  set("a", "3");  // takes the time to live away
  set("c", "1", std::numeric_limits<std::uint64_t>::max());
  clock.advance_ms(1'000'000'000);
  CHECK(get("a") == "3");
  CHECK(get("b") == "1");
  CHECK(get("c") == "1");
}

TEST_CASE_FIXTURE(Fixture, "increment") {
  std::int64_t result = 0;
  auto increment = [&](std::string_view key, std::int64_t by, std::uint64_t ttl_ms = 0) {
    return dict.increment(key, by, ttl_ms, clock.now_ms(), result);
  };
  CHECK(increment("n", 5, 100) == DictStatus::ok);
  CHECK(result == 5);
  clock.advance_ms(60);
  CHECK(increment("n", -7, 100) == DictStatus::ok);
  CHECK(result == -2);
  CHECK(get("n") == "-2");
  clock.advance_ms(40);  // it kept its own time to live
  CHECK(get("n") == absent);

  set("t", "41");
  CHECK(increment("t", 1) == DictStatus::ok);
  CHECK(get("t") == "42");
  for (auto text : {"", "x", "1x", " 1", "+1", "9223372036854775808"}) {
    set("t", text);
    CHECK(increment("t", 1) == DictStatus::type);
  }
  set("t", "9223372036854775807");
  CHECK(increment("t", 1) == DictStatus::limit);
  CHECK(get("t") == "9223372036854775807");
}

TEST_CASE_FIXTURE(Fixture, "compare_and_set") {
  auto cas = [&](std::string_view expected, std::string_view value) {
    return dict.compare_and_set("a", expected, value, 0, clock.now_ms());
  };
  CHECK(cas("", "x") == DictStatus::conflict);
  set("a", "1");
  CHECK(cas("2", "x") == DictStatus::conflict);
  CHECK(cas("1", "2") == DictStatus::ok);
  CHECK(get("a") == "2");
  std::int64_t result = 0;
  dict.increment("a", 1, 0, clock.now_ms(), result);
  CHECK(cas("3", "x") == DictStatus::ok);
  CHECK(get("a") == "x");
}

TEST_CASE_FIXTURE(Fixture, "limits live under a key until they are whole again") {
  Limit rule{Limit::Algorithm::token_bucket, 10, 1'000, 2, 1};
  LimitResult r;
  auto limit = [&](std::string_view key) { return dict.limit(key, rule, clock.now_ms(), r); };
  rule.cost = 0;
  CHECK(limit("k") == DictStatus::ok);
  CHECK(r.allowed);
  CHECK(dict.size() == 0);  // asking leaves nothing behind
  rule.cost = 1;
  for (bool allowed : {true, true, false}) {
    CHECK(limit("k") == DictStatus::ok);
    CHECK(r.allowed == allowed);
  }
  CHECK(r.retry_after_ms == 100);
  CHECK(limit("other") == DictStatus::ok);
  CHECK(r.allowed);
  CHECK(get("k") == "status " + std::to_string(static_cast<int>(DictStatus::type)));
  clock.advance_ms(200);
  CHECK(get("k") == absent);
  rule.limit = 0;
  CHECK(limit("k") == DictStatus::invalid);
  rule.limit = 10;
  set("text", "v");
  CHECK(limit("text") == DictStatus::type);
}

TEST_CASE("the sliding window through the dictionary: the state outlives its window as long as it weighs") {
  FakeClock clock;
  Dict dict(64 * 1024);
  Limit rule{Limit::Algorithm::sliding_window, 4, 1'000, 0, 4};
  LimitResult r;
  clock.advance_ms(1'000 - clock.now_ms() % 1'000 + 999);  // the last millisecond of a window
  REQUIRE(dict.limit("k", rule, clock.now_ms(), r) == DictStatus::ok);
  CHECK(r.allowed);
  clock.advance_ms(1);
  rule.cost = 1;
  dict.limit("k", rule, clock.now_ms(), r);
  CHECK_FALSE(r.allowed);
  CHECK(r.retry_after_ms == 250);
  clock.advance_ms(250);
  dict.limit("k", rule, clock.now_ms(), r);
  CHECK(r.allowed);
}

TEST_CASE("the least recently used go first, and the size is kept") {
  Dict dict(256 * 1024);
  std::string value(1024, 'v');
  dict.set("kept", value, 0, 0);
  for (int i = 0; i < 5'000; ++i) {
    CHECK(dict.set(std::to_string(i), value, 0, 0) == DictStatus::ok);
    CHECK(dict.bytes() <= dict.max_bytes());
    std::uint64_t length = 0;
    REQUIRE(dict.get("kept", {}, length, 0) == DictStatus::ok);  // it is used all the time
  }
  std::uint64_t length = 0;
  CHECK(dict.get("0", {}, length, 0) == DictStatus::not_found);
  CHECK(dict.get("4999", {}, length, 0) == DictStatus::ok);
  CHECK(dict.size() > 100);
}

TEST_CASE("the order of use is one for all shards") {
  Dict dict(64 * 1024);
  int made = 0;
  while (dict.bytes() <= dict.max_bytes() && made < 1'000) dict.set(std::to_string(made++), "v", 0, 0);
  std::uint64_t length = 0;
  auto present = [&](int i) { return dict.get(std::to_string(i), {}, length, 0) == DictStatus::ok; };
  int gone = 0;
  while (!present(gone)) ++gone;
  CHECK(gone > 0);
  for (int i = gone; i < made; ++i) CHECK(present(i));
}

TEST_CASE("one large value pushes everything else out, from all shards") {
  Dict dict(1024 * 1024);
  for (int i = 0; i < 500; ++i) dict.set(std::to_string(i), std::string(1024, 'v'), 0, 0);
  CHECK(dict.set("large", std::string(1000 * 1024, 'v'), 0, 0) == DictStatus::ok);
  CHECK(dict.bytes() <= dict.max_bytes());
  std::uint64_t length = 0;
  CHECK(dict.get("large", {}, length, 0) == DictStatus::ok);
}

TEST_CASE("dictionaries by name") {
  Dicts all(64 * 1024 * 1024);
  auto a = all.open("a", 1024 * 1024);
  CHECK(a != 0);
  CHECK(all.open("a", 10) == a);
  CHECK(all.find(a)->max_bytes() == 1024 * 1024);
  CHECK(all.open("a", 2 * 1024 * 1024) == a);
  CHECK(all.find(a)->max_bytes() == 2 * 1024 * 1024);
  auto b = all.open("b", 1);
  CHECK(b != a);
  CHECK(all.find(b)->max_bytes() == Dicts::kMinBytes);
  CHECK(all.open("", 1) == 0);
  CHECK(all.open("c", 0) == 0);
  CHECK(all.open(std::string(129, 'x'), 1) == 0);
  CHECK(all.find(0) == nullptr);
  CHECK(all.find(3) == nullptr);
  CHECK(all.find(~0ull) == nullptr);
}

TEST_CASE("all dictionaries together have a bound") {
  Dicts all(8 * 1024 * 1024);
  CHECK(all.open("vast", ~0ull) == 0);
  auto a = all.open("a", 6 * 1024 * 1024);
  CHECK(a != 0);
  CHECK(all.open("b", 3 * 1024 * 1024) == 0);
  CHECK(all.open("b", 1024 * 1024) != 0);
  CHECK(all.open("a", 8 * 1024 * 1024) == 0);
  CHECK(all.find(a)->max_bytes() == 6 * 1024 * 1024);
  CHECK(all.open("a", 7 * 1024 * 1024) == a);
  CHECK(all.open("c", 1) == 0);
  CHECK(all.open("a", 1) == a);
}

TEST_CASE("many threads: no increment is lost, no limit is exceeded, the size is kept") {
  Dict dict(128 * 1024);
  constexpr int kThreads = 4, kRounds = 2'000;
  std::vector<std::thread> threads;
  std::atomic<int> admitted{0};
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      Limit rule{Limit::Algorithm::token_bucket, 1, 1ull << 40, 100, 1};
      for (int i = 0; i < kRounds; ++i) {
        std::int64_t result = 0;
        LimitResult r;
        dict.increment("n", 1, 0, 1, result);
        dict.limit("l", rule, 1, r);
        admitted += r.allowed ? 1 : 0;
        dict.set(std::to_string(t * kRounds + i), std::string(static_cast<std::size_t>(i % 500), 'x'),
                 i % 3 == 0 ? 1 : 0, 1);
        if (i % 7 == 0) dict.remove(std::to_string(i), 1);
      }
    });
  for (auto& t : threads) t.join();
  std::int64_t total = 0;
  CHECK(dict.increment("n", 0, 0, 1, total) == DictStatus::ok);
  CHECK(total == kThreads * kRounds);
  CHECK(admitted == 100);
  CHECK(dict.bytes() <= dict.max_bytes());
}
