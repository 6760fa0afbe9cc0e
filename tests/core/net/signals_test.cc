#include "net/signals.h"

#include <doctest/doctest.h>

#include <csignal>

#include "net_fixture.h"

using namespace postern::net;
using namespace postern::net::test;

TEST_CASE("a signal reaches its watch, which may destroy itself") {
  Loop loop;
  int seen = 0;
  std::unique_ptr<SignalWatch> watch;
  auto started = SignalWatch::start(loop, SIGUSR1, [&] {
    if (++seen == 2) watch.reset();
  });
  REQUIRE(started.has_value());
  watch = std::move(*started);
  std::raise(SIGUSR1);
  run_until(loop, [&] { return seen == 1; });
  std::raise(SIGUSR1);
  run_until(loop, [&] { return watch == nullptr; });
  CHECK(seen == 2);
}

TEST_CASE("an impossible signal is an error") {
  Loop loop;
  auto started = SignalWatch::start(loop, SIGKILL, [] {});
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().text.find("watch signal 9") == 0);
}
