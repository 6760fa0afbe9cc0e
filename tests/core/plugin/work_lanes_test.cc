// Lanes of "work": what blocks in one holds up no other, and `done` says how its job ended.
#include <doctest/doctest.h>

#include <future>
#include <latch>
#include <semaphore>
#include <stdexcept>
#include <string>

#include "core/plugin/worker_fixture.h"
#include "plugin/host_tables/work_lanes.h"

using namespace postern::plugin;

namespace {

struct Ended {
  std::promise<postern_status> status;
  static void done(void* user, postern_status s) { static_cast<Ended*>(user)->status.set_value(s); }
  postern_status wait() { return status.get_future().get(); }
};

// Jobs that block until the test opens them.
struct Logins {
  static constexpr int kCount = 8;
  std::counting_semaphore<> begun{0};
  std::promise<void> opened;
  std::shared_future<void> open = opened.get_future();
  std::latch ended{kCount};

  static void work(void* user) {
    auto& logins = *static_cast<Logins*>(user);
    logins.begun.release();
    logins.open.wait();
  }
  static void done(void* user, postern_status) { static_cast<Logins*>(user)->ended.count_down(); }
};

void nothing(void*) {}

}  // namespace

// Issue 10: eight bcrypt logins must not hold up a disk read.
TEST_CASE_FIXTURE(WorkerFixture,
                  "eight logins that block in one lane hold up no disk read in another, nor the plugin's own lane") {
  Logins logins;
  Ended read, own;
  on_worker([&] {
    const auto passwords = work_table().lane(&instance, text("passwords"), 4, 100);
    for (int i = 0; i < Logins::kCount; ++i)
      CHECK(work_table().submit(&instance, passwords, Logins::work, Logins::done, &logins) != 0);
  });
  for (int i = 0; i < 4; ++i) logins.begun.acquire();
  on_worker([&] {
    work_table().submit(&instance, work_table().lane(&instance, text("disk"), 2, 100), nothing, Ended::done, &read);
    work_table().submit(&instance, 0, nothing, Ended::done, &own);
  });
  CHECK(read.wait() == POSTERN_OK);
  CHECK(own.wait() == POSTERN_OK);
  logins.opened.set_value();
  logins.ended.wait();
}

// F32
TEST_CASE_FIXTURE(WorkerFixture,
                  "a job that throws, or says that it failed, ends with FAILED, and one that does neither with OK") {
  Ended thrown, failed, good;
  on_worker([&] {
    work_table().submit(
        &instance, 0, [](void*) { throw std::runtime_error("on purpose"); }, Ended::done, &thrown);
    work_table().submit(
        &instance, 0, [](void*) { loop_table().fail(text("on purpose")); }, Ended::done, &failed);
    work_table().submit(&instance, 0, nothing, Ended::done, &good);
  });
  CHECK(thrown.wait() == POSTERN_E_FAILED);
  CHECK(failed.wait() == POSTERN_E_FAILED);
  CHECK(good.wait() == POSTERN_OK);
}

TEST_CASE_FIXTURE(WorkerFixture, "a lane takes as many jobs as its bound says, and the larger bound holds") {
  Logins logins;
  const auto lane = work_table().lane(&instance, text("narrow"), 4, 1);
  for (int i = 0; i < 4; ++i) {  // what has begun waits no more
    on_worker([&] { CHECK(work_table().submit(&instance, lane, Logins::work, Logins::done, &logins) != 0); });
    logins.begun.acquire();
  }
  on_worker([&] {
    CHECK(work_table().submit(&instance, lane, Logins::work, Logins::done, &logins) != 0);
    CHECK(work_table().submit(&instance, lane, Logins::work, Logins::done, &logins) == 0);
    CHECK(work_table().lane(&instance, text("narrow"), 1, 4) == lane);
    for (int i = 0; i < 3; ++i) CHECK(work_table().submit(&instance, lane, Logins::work, Logins::done, &logins) != 0);
    CHECK(work_table().submit(&instance, lane, Logins::work, Logins::done, &logins) == 0);
  });
  logins.opened.set_value();
  logins.ended.wait();
}

TEST_CASE_FIXTURE(WorkerFixture, "names, widths, bounds and numbers that cannot be are refused") {
  auto lane = [&](std::string_view name, std::uint32_t width, std::uint32_t bound) {
    return work_table().lane(&instance, text(name), width, bound);
  };
  CHECK(lane("", 1, 1) == 0);
  CHECK(lane(std::string(65, 'n'), 1, 1) == 0);
  CHECK(lane("refused", 0, 1) == 0);
  CHECK(lane("refused", 17, 1) == 0);
  CHECK(lane("refused", 1, 0) == 0);
  CHECK(lane("refused", 1, 100'001) == 0);
  CHECK(work_table().lane(nullptr, text("refused"), 1, 1) == 0);
  CHECK(lane(std::string(64, 'n'), 16, 100'000) != 0);
  CHECK(lane(std::string(64, 'n'), 1, 1) == lane(std::string(64, 'n'), 2, 2));
  on_worker([&] {
    for (std::uint32_t number : {65u, ~0u})
      CHECK(work_table().submit(&instance, number, nothing, nullptr, nullptr) == 0);
  });
}

TEST_CASE("there are 64 named lanes, and those that there are can still be asked for") {
  WorkLanes lanes;
  for (std::uint32_t i = 1; i <= 64; ++i) CHECK(lanes.name(std::to_string(i), 1, 1) == i);
  CHECK(lanes.name("one too many", 1, 1) == 0);
  CHECK(lanes.name("1", 1, 1) == 1);
}

TEST_CASE("a plugin's own lane is the same for all its instances, and no other plugin's, nor one of that name") {
  WorkLanes lanes;
  CHECK(&lanes.own("a") == &lanes.own("a"));
  CHECK(&lanes.own("a") != &lanes.own("b"));
  CHECK(lanes.named(lanes.name("a", 1, 1)) != &lanes.own("a"));
}
