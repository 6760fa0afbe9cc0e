#include <doctest/doctest.h>
#include <postern/random.h>

#include <array>
#include <set>

using postern::Random;

TEST_CASE("a seed gives the numbers that xoshiro256++ is published with") {
  Random random(0);
  for (std::uint64_t expected : {5987356902031041503u, 7051070477665621255u, 6633766593972829180u, 211316841551650330u})
    CHECK(random() == expected);
}

TEST_CASE("without a seed two generators differ") {
  std::set<std::uint64_t> seen;
  Random one, other;
  for (int i = 0; i < 1000; ++i) seen.insert({one(), other()});
  CHECK(seen.size() == 2000);
}

TEST_CASE("numbers below a bound reach all of them") {
  Random random(7);
  std::array<int, 10> counts{};
  for (int i = 0; i < 10'000; ++i) ++counts.at(random.below(10));
  for (int count : counts) CHECK(count > 800);
  CHECK(random.below(1) == 0);
}
