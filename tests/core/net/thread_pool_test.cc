#include "net/thread_pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "net/resolver.h"
#include "net_fixture.h"

using namespace postern::net;
using namespace postern::net::test;

namespace {

constexpr int kWidth = 4;

std::shared_ptr<Lane> a_lane(int width = kWidth) { return std::make_shared<Lane>(width); }

// Holds pool threads until opened.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_for(int waiting) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= waiting; });
  }
  int waiting() {
    std::lock_guard lock(mutex_);
    return waiting_;
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;  // that have come here
  bool open_ = false;
};

}  // namespace

TEST_CASE("work runs on another thread, done on the loop's") {
  const auto lane = a_lane();
  Loop loop;
  std::thread::id worked;
  std::thread::id finished;
  auto job = Job::start(
      loop, lane, [&] { worked = std::this_thread::get_id(); }, [&] { finished = std::this_thread::get_id(); });
  run_until(loop, [&] { return finished != std::thread::id(); });
  CHECK(finished == std::this_thread::get_id());
  CHECK(worked != std::this_thread::get_id());
  CHECK(job->cancel());  // late, and harmless
}

TEST_CASE("a job whose handle was let go still ends") {
  const auto lane = a_lane();
  Loop loop;
  bool done = false;
  Job::start(
      loop, lane, [] {}, [&] { done = true; });
  loop.run();
  CHECK(done);
}

TEST_CASE("cancel: running work ends but calls nobody, waiting work never starts") {
  const auto lane = a_lane();
  Loop loop;
  Gate gate;
  int finished = 0;
  bool started_last = false;
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < kWidth; ++i) {
    jobs.push_back(Job::start(
        loop, lane, [&] { gate.wait(); }, [&] { ++finished; }));
  }
  gate.wait_for(kWidth);
  auto last = Job::start(
      loop, lane, [&] { started_last = true; }, [&] { ++finished; });
  CHECK(last->cancel());
  CHECK_FALSE(jobs[0]->cancel());
  gate.open();
  loop.run();
  CHECK(finished == kWidth - 1);
  CHECK_FALSE(started_last);
}

TEST_CASE("a loop that goes waits for running work and calls no done") {
  const auto lane = a_lane();
  Gate gate;
  bool worked = false;
  bool done = false;
  std::thread opener;
  {
    Loop loop;
    Job::start(
        loop, lane,
        [&] {
          gate.wait();
          worked = true;
        },
        [&] { done = true; });
    gate.wait_for(1);
    opener = std::thread([&] { gate.open(); });
  }
  CHECK(worked);
  CHECK_FALSE(done);
  opener.join();
}

TEST_CASE("jobs that block on every thread keep no name from being resolved") {
  const auto lane = a_lane();
  Loop loop;
  Gate gate;
  for (int i = 0; i < kWidth; ++i) {
    Job::start(
        loop, lane, [&] { gate.wait(); }, [] {});
  }
  gate.wait_for(kWidth);
  bool resolved = false;
  auto lookup = Lookup::start(loop, "localhost", 80, [&](auto) { resolved = true; });
  run_until(loop, [&] { return resolved; });
  gate.open();
  loop.run();
  CHECK(resolved);
}

TEST_CASE("a loop that goes takes with it what waits for a thread") {
  const auto lane = a_lane();
  Gate gate;
  auto captured = std::make_shared<int>(0);
  bool started = false;
  Loop busy;
  for (int i = 0; i < kWidth; ++i) {
    Job::start(
        busy, lane, [&] { gate.wait(); }, [] {});
  }
  gate.wait_for(kWidth);
  {
    Loop loop;
    Job::start(
        loop, lane, [&, captured] { started = true; }, [captured] {});
  }
  CHECK(captured.use_count() == 1);
  gate.open();
  busy.run();
  CHECK_FALSE(started);
}

// Every lane is full of jobs that block, and all the threads that lanes share are taken.
TEST_CASE("jobs that block in some lanes hold up no job of another, which has a thread of its own") {
  constexpr int kLanes = 8;
  constexpr int kShared = Job::kSharedThreads;
  constexpr int kWide = kShared / kLanes + 1;
  Loop loop;
  Gate gate;
  for (int i = 0; i < kLanes; ++i) {
    const auto passwords = a_lane(kWide);
    for (int job = 0; job < 2 * kWide; ++job) {
      Job::start(
          loop, passwords, [&] { gate.wait(); }, [] {});
    }
  }
  gate.wait_for(kLanes * kWide);
  bool read = false;
  Job::start(
      loop, a_lane(), [] {}, [&] { read = true; });
  run_until(loop, [&] { return read; });
  CHECK(gate.waiting() == kLanes * kWide);  // no lane was given more than its width
  gate.open();
  loop.run();
  CHECK(gate.waiting() == 2 * kLanes * kWide);
}

TEST_CASE("a lane that is widened begins what waited, and is never made narrower") {
  Loop loop;
  Gate gate;
  const auto lane = a_lane(1);
  for (int i = 0; i < 3; ++i) {
    Job::start(
        loop, lane, [&] { gate.wait(); }, [] {});
  }
  gate.wait_for(1);
  lane->widen(2);
  lane->widen(1);
  gate.wait_for(2);
  CHECK(gate.waiting() == 2);
  gate.open();
  loop.run();
}

TEST_CASE("the jobs of a lane begin in the order in which they came") {
  Loop loop;
  const auto lane = a_lane(1);
  std::vector<int> began;
  for (int i = 0; i < 100; ++i) {
    Job::start(
        loop, lane, [&began, i] { began.push_back(i); }, [] {});
  }
  loop.run();
  CHECK(began.size() == 100);
  CHECK(std::ranges::is_sorted(began));
}
