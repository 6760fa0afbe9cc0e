#include "window_log.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

// A log as a dict would keep it.
struct Kept {
  std::string bytes;
  std::uint64_t limit = 3, window_ms = 1000;

  WindowLog::Verdict ask(std::uint64_t now_ms, bool take = false) {
    WindowLog log;
    std::memcpy(log.buffer().data(), bytes.data(), bytes.size());
    log.loaded(bytes.size());
    auto verdict = log.ask(limit, window_ms, now_ms);
    if (!take || !verdict.allowed) return verdict;
    verdict = log.take(limit, window_ms, now_ms);
    CHECK(log.before() == bytes);
    bytes = log.after();
    return verdict;
  }
  WindowLog::Verdict take(std::uint64_t now_ms) { return ask(now_ms, true); }
};

}  // namespace

TEST_CASE("so many in any window, to the millisecond") {
  Kept log;
  CHECK(log.take(10'000).remaining == 2);
  CHECK(log.take(10'400).remaining == 1);
  auto last = log.take(10'900);
  CHECK(last.remaining == 0);
  CHECK(last.reset_ms == 1000);
  auto refused = log.take(10'999);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.retry_after_ms == 1);
  CHECK(refused.reset_ms == 901);
  CHECK(log.take(11'000).allowed);
  CHECK(log.take(11'001).retry_after_ms == 399);
}

TEST_CASE("asking takes nothing") {
  Kept log;
  for (int i = 0; i < 10; ++i) CHECK(log.ask(5000).remaining == 3);
  CHECK(log.bytes.empty());
}

TEST_CASE("every span of a window holds the limit at most") {
  Kept log;
  std::vector<std::uint64_t> admitted;
  for (std::uint64_t now = 500; now < 20'000; now += 7 + now % 90)
    if (log.take(now).allowed) admitted.push_back(now);
  REQUIRE(admitted.size() > 20);
  for (std::size_t i = 3; i < admitted.size(); ++i) CHECK(admitted[i] - admitted[i - 3] >= 1000);
}

TEST_CASE("what is refused is told when it may come again") {
  Kept log{{}, 2, 1000};
  for (std::uint64_t now = 0; now < 5000; now += 130) {
    auto verdict = log.take(now);
    if (verdict.allowed) continue;
    CHECK_FALSE(log.ask(now + verdict.retry_after_ms - 1).allowed);
    CHECK(log.ask(now + verdict.retry_after_ms).allowed);
  }
}

TEST_CASE("a limit that was lowered waits until few enough are left") {
  Kept log{{}, 5, 1000};
  for (std::uint64_t now : {100, 200, 300, 400, 500}) log.take(now);
  log.limit = 2;
  auto refused = log.take(600);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.retry_after_ms == 800);
  CHECK_FALSE(log.ask(1399).allowed);
  CHECK(log.ask(1400).allowed);
}

TEST_CASE("a worker whose clock is behind adds nothing in the past") {
  Kept log;
  log.take(1000);
  log.take(990);
  CHECK(log.take(1000).remaining == 0);
  CHECK_FALSE(log.ask(1999).allowed);
  CHECK(log.ask(2000).remaining == 3);
}

TEST_CASE("the clock's low bits may wrap") {
  Kept log;
  std::uint64_t wrap = 1ull << 32;
  log.take(wrap - 10);
  log.take(wrap + 10);
  CHECK(log.take(wrap + 20).remaining == 0);
  CHECK(log.take(wrap + 30).retry_after_ms == 960);
  CHECK(log.take(wrap + 990).allowed);
}

TEST_CASE("the largest limit fits") {
  Kept log{{}, WindowLog::kMaxLimit, WindowLog::kMaxWindowMs};
  for (std::uint64_t i = 0; i < WindowLog::kMaxLimit; ++i) log.take(i);
  CHECK(log.bytes.size() == WindowLog::kMaxLimit * 4);
  CHECK_FALSE(log.take(WindowLog::kMaxLimit).allowed);
  CHECK(log.take(WindowLog::kMaxWindowMs).allowed);
}
