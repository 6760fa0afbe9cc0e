// Rate limits: stories in tables, each line one request at a time and what comes of it.
#include "base/limit.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "base/clock.h"

using postern::FakeClock;
using postern::Limit;
using postern::LimitResult;
using postern::LimitState;

namespace {

constexpr auto kBucket = Limit::Algorithm::token_bucket;
constexpr auto kWindow = Limit::Algorithm::sliding_window;

struct Step {
  std::uint64_t wait_ms;
  std::uint64_t cost;
  bool allowed;
  std::uint64_t remaining, retry_after_ms, reset_ms;
};

void play(Limit rule, std::uint64_t begin_ms, const std::vector<Step>& steps) {
  LimitState state;
  std::uint64_t now_ms = begin_ms;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    CAPTURE(i);
    now_ms += steps[i].wait_ms;
    rule.cost = steps[i].cost;
    LimitResult r = postern::apply(state, rule, now_ms);
    CHECK(r.allowed == steps[i].allowed);
    CHECK(r.remaining == steps[i].remaining);
    CHECK(r.retry_after_ms == steps[i].retry_after_ms);
    CHECK(r.reset_ms == steps[i].reset_ms);
  }
}

}  // namespace

TEST_CASE("a burst, then refill at the exact rate") {
  play({kBucket, 2, 1'000, 3, 1}, 5'000,
       {
           {0, 1, true, 2, 0, 500},
           {0, 1, true, 1, 0, 1'000},
           {0, 1, true, 0, 0, 1'500},
           {0, 1, false, 0, 500, 1'500},
           {499, 1, false, 0, 1, 1'001},
           {1, 1, true, 0, 0, 1'500},
           {250, 0, false, 0, 250, 1'250},  // asking
           {250, 0, true, 1, 0, 1'000},     // asking takes nothing
           {0, 2, false, 1, 500, 1'000},
           {500, 2, true, 0, 0, 1'500},
           {60'000, 3, true, 0, 0, 1'500},  // never more than the burst
       });
}

TEST_CASE("a rate that no whole number of milliseconds divides is kept over a long time") {
  FakeClock clock;
  Limit rule{kBucket, 7, 1'000, 10, 1};
  LimitState state;
  std::uint64_t admitted = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (postern::apply(state, rule, clock.now_ms()).allowed) ++admitted;
    clock.advance_ms(1);
  }
  CHECK(admitted == 10 + 699);  // the burst, then every seventh of a second
}

TEST_CASE("the sliding window counts across the boundary") {
  play({kWindow, 10, 60'000, 0, 1}, 120'000,  // a window begins
       {
           {30'000, 8, true, 2, 0, 90'000},
           {0, 3, false, 2, 37'500, 90'000},  // next window at +30 s; 8 fade to 7 of 10 after 7.5 s more
           {37'500, 3, true, 0, 0, 112'500},
           {0, 1, false, 0, 7'500, 112'500},
           {7'500, 1, true, 0, 0, 105'000},
           {105'000, 10, true, 0, 0, 120'000},  // two windows later all is forgotten
       });
}

TEST_CASE("retry_after of a limit used up in one go reaches into the window after the next") {
  play({kWindow, 2, 1'000, 0, 1}, 10'000,
       {
           {0, 2, true, 0, 0, 2'000},
           {0, 2, false, 0, 2'000, 2'000},
           {0, 1, false, 0, 1'500, 2'000},
           {1'499, 1, false, 0, 1, 501},
           {1, 1, true, 0, 0, 1'500},
       });
}

TEST_CASE("retry_after_ms is the first moment at which the same is admitted, and reset_ms when the limit is whole") {
  std::mt19937 random(7);
  auto up_to = [&](std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n)(random); };
  for (int round = 0; round < 2'000; ++round) {
    Limit rule{round % 2 == 0 ? kBucket : kWindow, 1 + up_to(9), 1 + up_to(50), 1 + up_to(9), 1};
    std::uint64_t most = rule.algorithm == kBucket ? rule.burst : rule.limit;
    LimitState state;
    std::uint64_t now_ms = up_to(1'000);
    for (int i = 0; i < 20; ++i) {
      now_ms += up_to(20);
      rule.cost = up_to(most);
      LimitResult r = postern::apply(state, rule, now_ms);
      CHECK(r.remaining <= most);
      CHECK((r.retry_after_ms == 0) == r.allowed);
      CHECK((r.remaining == most) == (r.reset_ms == 0));
      auto at = [&](std::uint64_t later_ms, std::uint64_t cost) {
        LimitState copy = state;
        Limit again = rule;
        again.cost = cost;
        return postern::apply(copy, again, now_ms + later_ms);
      };
      if (!r.allowed) {
        CHECK(at(r.retry_after_ms, rule.cost).allowed);
        CHECK_FALSE(at(r.retry_after_ms - 1, rule.cost).allowed);
      }
      CHECK(at(r.reset_ms, 0).remaining == most);
      if (r.reset_ms > 0) CHECK(at(r.reset_ms - 1, 0).remaining < most);
    }
  }
}

TEST_CASE("time that runs backwards stands still") {
  for (auto algorithm : {kBucket, kWindow}) {
    Limit rule{algorithm, 2, 1'000, 2, 1};
    LimitState state;
    CHECK(postern::apply(state, rule, 10'100).allowed);
    CHECK(postern::apply(state, rule, 9'900).allowed);
    CHECK_FALSE(postern::apply(state, rule, 9'000).allowed);
    CHECK_FALSE(postern::apply(state, rule, 0).allowed);
  }
}

TEST_CASE("a changed rule") {
  LimitState state;
  Limit rule{kBucket, 10, 1'000, 10, 10};
  CHECK(postern::apply(state, rule, 0).allowed);
  SUBCASE("a longer window keeps what was taken") {
    rule = {kBucket, 10, 10'000, 10, 1};
    auto r = postern::apply(state, rule, 0);
    CHECK_FALSE(r.allowed);
    CHECK(r.retry_after_ms == 1'000);
  }
  SUBCASE("a smaller burst forgives what is beyond it") {
    rule = {kBucket, 10, 1'000, 2, 1};
    CHECK(postern::apply(state, rule, 0).reset_ms == 200);
  }
  SUBCASE("another algorithm begins anew") {
    rule = {kWindow, 10, 1'000, 0, 10};
    CHECK(postern::apply(state, rule, 0).allowed);
  }
}

TEST_CASE("rules that make no sense or overflow are not well formed") {
  constexpr std::uint64_t kMax = ~0ull;
  CHECK(Limit{kBucket, 1, 1, 1, 1}.well_formed());
  CHECK(Limit{kBucket, 1, 1, 1, 0}.well_formed());
  CHECK(Limit{kBucket, 1'000'000, 31ull * 86'400'000, 1'000'000, 1}.well_formed());
  CHECK_FALSE(Limit{kBucket, 0, 1, 1, 1}.well_formed());
  CHECK_FALSE(Limit{kBucket, 1, 0, 1, 1}.well_formed());
  CHECK_FALSE(Limit{kBucket, 1, 1, 0, 0}.well_formed());
  CHECK_FALSE(Limit{kBucket, 1, 1, 1, 2}.well_formed());
  CHECK_FALSE(Limit{kBucket, kMax, 1, 1, 1}.well_formed());
  CHECK_FALSE(Limit{kBucket, 1, kMax, 1, 1}.well_formed());
  CHECK_FALSE(Limit{kBucket, 1, 1'000, kMax, 1}.well_formed());
  CHECK_FALSE(Limit{kWindow, 0, 1, 0, 0}.well_formed());
  CHECK_FALSE(Limit{kWindow, 5, 1, 0, 6}.well_formed());
  CHECK_FALSE(Limit{kWindow, kMax, 2, 0, 1}.well_formed());
  CHECK_FALSE(Limit{kWindow, 1ull << 40, 1ull << 40, 0, 1}.well_formed());
}

TEST_CASE("the largest rules that are allowed do not overflow") {
  for (auto algorithm : {kBucket, kWindow}) {
    Limit rule{algorithm, 1ull << 22, 1ull << 40, 1ull << 22, 1ull << 22};
    REQUIRE(rule.well_formed());
    LimitState state;
    std::uint64_t now_ms = 5ull << 40;
    CHECK(postern::apply(state, rule, now_ms).allowed);
    auto r = postern::apply(state, rule, now_ms + 1);
    CHECK_FALSE(r.allowed);
    CHECK(postern::apply(state, rule, now_ms + 1 + r.retry_after_ms).allowed);
  }
}
