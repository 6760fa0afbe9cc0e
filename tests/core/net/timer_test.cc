#include "net/timer.h"

#include <doctest/doctest.h>

#include "net_fixture.h"

using namespace postern::net;
using namespace postern::net::test;

TEST_CASE("a timer fires once, a repeating one again and again") {
  Loop loop;
  int once = 0;
  int repeated = 0;
  auto first = Timer::start(loop, 0, 0, [&] { ++once; });
  auto second = Timer::start(loop, 0, 1, [&] { ++repeated; });
  run_until(loop, [&] { return repeated == 3; });
  CHECK(once == 1);
}

TEST_CASE("a timer may be destroyed inside its function, with what the function captured") {
  Loop loop;
  std::unique_ptr<Timer> timer;
  std::string captured = "long enough to live on the heap, not in the string itself";
  std::string seen;
  timer = Timer::start(loop, 0, 1, [&timer, &seen, captured] {
    timer.reset();
    seen = captured;
  });
  loop.run();
  CHECK(seen == captured);
}

TEST_CASE("a destroyed timer does not fire") {
  Loop loop;
  bool fired = false;
  auto timer = Timer::start(loop, 0, 0, [&] { fired = true; });
  timer.reset();
  turn(loop);
  CHECK_FALSE(fired);
}

TEST_CASE("a background timer keeps no loop alive") {
  Loop loop;
  auto timer = Timer::start(
      loop, 3'600'000, 0, [] {}, true);
  loop.run();
}

TEST_CASE("timers without delay that start themselves again let the loop look at the rest in between") {
  Loop loop;
  std::unique_ptr<Timer> timers[2];
  int fired = 0, fired_before_the_task = 0;
  std::function<void(int)> start = [&](int i) {
    timers[i] = Timer::start(loop, 0, 0, [&, i] {
      if (++fired == 3) loop.post([&] { fired_before_the_task = fired; });
      if (fired_before_the_task == 0 && fired < 1'000) start(i);
    });
  };
  start(0);
  start(1);
  loop.run();
  CHECK(fired_before_the_task >= 3);
  CHECK(fired_before_the_task <= 4);  // each at most once in the turn that the task was posted in
}
