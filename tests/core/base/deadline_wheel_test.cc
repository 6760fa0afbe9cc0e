#include "base/deadline_wheel.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <vector>

using postern::Deadline;
using postern::DeadlineWheel;

namespace {

constexpr std::uint64_t kStart = 1'000'007;  // not on a tick
constexpr std::uint64_t kTurn = DeadlineWheel::kTickMs * DeadlineWheel::kSlots;

// Counts its firings and does what it is told then.
struct Probe {
  int fired = 0;
  std::function<void()> then;
  Deadline deadline{[](void* self) { static_cast<Probe*>(self)->fire(); }, this};

  void fire() {
    ++fired;
    auto todo = then;  // `then` may destroy this probe
    if (todo) todo();
  }
};

// The first millisecond at which the probe has fired, or 0.
std::uint64_t turn_until_fired(DeadlineWheel& wheel, const Probe& probe, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t now = from; now <= to; ++now) {
    wheel.advance(now);
    if (probe.fired > 0) return now;
  }
  return 0;
}

}  // namespace

TEST_CASE("a deadline fires once, at or up to two ticks after its time") {
  for (std::uint64_t delay : {0u, 1u, 13u, 19u, 20u, 21u, 500u, 20'479u, 20'480u, 20'481u, 60'000u}) {
    CAPTURE(delay);
    DeadlineWheel wheel(kStart);
    Probe probe;
    wheel.arm(probe.deadline, kStart + delay);
    CHECK(probe.deadline.armed());
    auto at = turn_until_fired(wheel, probe, kStart, kStart + delay + 1000);
    CHECK(at >= kStart + delay);
    CHECK(at <= kStart + delay + 2 * DeadlineWheel::kTickMs);
    CHECK_FALSE(probe.deadline.armed());
    CHECK(wheel.empty());
    wheel.advance(at + 3 * kTurn);
    CHECK(probe.fired == 1);
  }
}

TEST_CASE("a time in the past fires at the next tick") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  wheel.arm(probe.deadline, 0);
  CHECK(probe.deadline.armed());
  wheel.advance(kStart + DeadlineWheel::kTickMs);
  CHECK(probe.fired == 1);
}

TEST_CASE("a time that never comes does not wrap round") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  wheel.arm(probe.deadline, UINT64_MAX);
  wheel.advance(kStart + 10 * kTurn);
  CHECK(probe.fired == 0);
  CHECK(probe.deadline.armed());
}

TEST_CASE("arming again replaces the time: later") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  wheel.arm(probe.deadline, kStart + 100);
  wheel.arm(probe.deadline, kStart + 1000);
  auto at = turn_until_fired(wheel, probe, kStart, kStart + 2000);
  CHECK(at >= kStart + 1000);
  CHECK(at <= kStart + 1040);
}

TEST_CASE("arming again replaces the time: earlier") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  wheel.arm(probe.deadline, kStart + 90'000);
  wheel.arm(probe.deadline, kStart + 100);
  auto at = turn_until_fired(wheel, probe, kStart, kStart + 2000);
  CHECK(at >= kStart + 100);
  CHECK(at <= kStart + 140);
}

TEST_CASE("a cancelled deadline does not fire and leaves the wheel when its slot comes round") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  wheel.arm(probe.deadline, kStart + 100);
  probe.deadline.cancel();
  CHECK_FALSE(probe.deadline.armed());
  CHECK_FALSE(wheel.empty());
  wheel.advance(kStart + 200);
  CHECK(probe.fired == 0);
  CHECK(wheel.empty());
  wheel.arm(probe.deadline, kStart + 300);
  wheel.advance(kStart + 400);
  CHECK(probe.fired == 1);
}

TEST_CASE("a deadline armed, cancelled and armed again fires once at the last time") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  wheel.arm(probe.deadline, kStart + 100);
  probe.deadline.cancel();
  wheel.arm(probe.deadline, kStart + 300);
  auto at = turn_until_fired(wheel, probe, kStart, kStart + 1000);
  CHECK(at >= kStart + 300);
  CHECK(at <= kStart + 340);
}

TEST_CASE("after a long pause everything due fires in one advance, the rest later") {
  DeadlineWheel wheel(kStart);
  std::vector<std::unique_ptr<Probe>> due;
  for (std::uint64_t delay = 0; delay < 3 * kTurn; delay += 777) {
    due.push_back(std::make_unique<Probe>());
    wheel.arm(due.back()->deadline, kStart + delay);
  }
  Probe later;
  wheel.arm(later.deadline, kStart + 5 * kTurn);
  wheel.advance(kStart + 4 * kTurn);
  for (const auto& probe : due) CHECK(probe->fired == 1);
  CHECK(later.fired == 0);
  wheel.advance(kStart + 5 * kTurn + 40);
  CHECK(later.fired == 1);
}

TEST_CASE("an empty wheel catches up for nothing and is exact afterwards") {
  DeadlineWheel wheel(kStart);
  wheel.advance(kStart + 100 * kTurn);
  Probe probe;
  wheel.arm(probe.deadline, kStart + 100 * kTurn + 50);
  wheel.advance(kStart + 100 * kTurn + 20);
  CHECK(probe.fired == 0);
  wheel.advance(kStart + 100 * kTurn + 90);
  CHECK(probe.fired == 1);
}

TEST_CASE("a destroyed deadline leaves the wheel") {
  DeadlineWheel wheel(kStart);
  auto probe = std::make_unique<Probe>();
  Probe other;
  wheel.arm(probe->deadline, kStart + 100);
  wheel.arm(other.deadline, kStart + 100);
  probe.reset();
  wheel.advance(kStart + 200);
  CHECK(other.fired == 1);
  CHECK(wheel.empty());
}

TEST_CASE("a wheel that goes first leaves its deadlines harmless") {
  Probe probe;
  {
    DeadlineWheel wheel(kStart);
    wheel.arm(probe.deadline, kStart + 100);
  }
  CHECK_FALSE(probe.deadline.armed());
}

TEST_CASE("a fire function may arm its own deadline again") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  std::uint64_t now = kStart;
  probe.then = [&] { wheel.arm(probe.deadline, now + 100); };
  wheel.arm(probe.deadline, kStart + 100);
  for (; now < kStart + 1000; ++now) wheel.advance(now);
  CHECK(probe.fired >= 6);
  CHECK(probe.fired <= 9);
}

TEST_CASE("arming for now inside a fire function does not loop for ever") {
  DeadlineWheel wheel(kStart);
  Probe probe;
  probe.then = [&] { wheel.arm(probe.deadline, 0); };
  wheel.arm(probe.deadline, kStart);
  wheel.advance(kStart + 20);
  CHECK(probe.fired == 1);
}

TEST_CASE(
    "arming for now inside a fire function waits for the next advance, however many ticks this one makes up for") {
  for (std::uint64_t now : {kStart + 113, kStart + 100 * kTurn + 13}) {  // on a tick, both
    REQUIRE(now % DeadlineWheel::kTickMs == 0);
    DeadlineWheel wheel(kStart);
    Probe overdue, exact;
    overdue.then = [&] { wheel.arm(overdue.deadline, 0); };
    exact.then = [&] { wheel.arm(exact.deadline, now); };
    wheel.arm(overdue.deadline, kStart);
    wheel.arm(exact.deadline, kStart);
    wheel.advance(now);
    CHECK(overdue.fired == 1);
    CHECK(exact.fired == 1);
    wheel.advance(now + DeadlineWheel::kTickMs);
    CHECK(overdue.fired == 2);
    CHECK(exact.fired == 2);
  }
}

TEST_CASE("a fire function may destroy itself and others of the same slot") {
  DeadlineWheel wheel(kStart);
  std::vector<std::unique_ptr<Probe>> probes;
  int fired = 0;
  for (int i = 0; i < 5; ++i) {
    probes.push_back(std::make_unique<Probe>());
    probes.back()->then = [&] {
      ++fired;
      probes.clear();  // all five, the running one too
    };
    wheel.arm(probes.back()->deadline, kStart + 100);
  }
  wheel.advance(kStart + 200);
  CHECK(fired == 1);
  CHECK(wheel.empty());
}

TEST_CASE("a fire function may cancel and postpone others of the same slot") {
  DeadlineWheel wheel(kStart);
  Probe cancelled;
  Probe postponed;
  Probe first;
  wheel.arm(cancelled.deadline, kStart + 100);
  wheel.arm(postponed.deadline, kStart + 100);
  wheel.arm(first.deadline, kStart + 100);  // the last one armed is the first of its slot
  first.then = [&] {
    cancelled.deadline.cancel();
    wheel.arm(postponed.deadline, kStart + 1000);
  };
  wheel.advance(kStart + 200);
  CHECK(first.fired == 1);
  CHECK(postponed.fired == 0);
  wheel.advance(kStart + 1100);
  CHECK(postponed.fired == 1);
  CHECK(cancelled.fired == 0);
}

TEST_CASE("many deadlines of one slot, one turn apart, fire in the right turn") {
  DeadlineWheel wheel(kStart);
  Probe soon;
  Probe next_turn;
  wheel.arm(soon.deadline, kStart + 100);
  wheel.arm(next_turn.deadline, kStart + 100 + kTurn);
  wheel.advance(kStart + 200);
  CHECK(soon.fired == 1);
  CHECK(next_turn.fired == 0);
  wheel.advance(kStart + kTurn);
  CHECK(next_turn.fired == 0);
  wheel.advance(kStart + kTurn + 200);
  CHECK(next_turn.fired == 1);
}
