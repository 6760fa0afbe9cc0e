#include "net/thread_pool.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "net/resolver.h"
#include "net_fixture.h"

using namespace postern::net;
using namespace postern::net::test;

namespace {

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
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

}  // namespace

TEST_CASE("work runs on another thread, done on the loop's") {
  Loop loop;
  std::thread::id worked;
  std::thread::id finished;
  auto job = Job::start(
      loop, [&] { worked = std::this_thread::get_id(); }, [&] { finished = std::this_thread::get_id(); });
  run_until(loop, [&] { return finished != std::thread::id(); });
  CHECK(finished == std::this_thread::get_id());
  CHECK(worked != std::this_thread::get_id());
  CHECK(job->cancel());  // late, and harmless
}

TEST_CASE("a job whose handle was let go still ends") {
  Loop loop;
  bool done = false;
  Job::start(
      loop, [] {}, [&] { done = true; });
  loop.run();
  CHECK(done);
}

TEST_CASE("cancel: running work ends but calls nobody, waiting work never starts") {
  Loop loop;
  Gate gate;
  int finished = 0;
  bool started_last = false;
  std::vector<std::shared_ptr<Job>> jobs;
  constexpr int kPoolThreads = Job::kThreads;
  for (int i = 0; i < kPoolThreads; ++i) {
    jobs.push_back(Job::start(
        loop, [&] { gate.wait(); }, [&] { ++finished; }));
  }
  gate.wait_for(kPoolThreads);
  auto last = Job::start(
      loop, [&] { started_last = true; }, [&] { ++finished; });
  CHECK(last->cancel());
  CHECK_FALSE(jobs[0]->cancel());
  gate.open();
  loop.run();
  CHECK(finished == kPoolThreads - 1);
  CHECK_FALSE(started_last);
}

TEST_CASE("a loop that goes waits for running work and calls no done") {
  Gate gate;
  bool worked = false;
  bool done = false;
  std::thread opener;
  {
    Loop loop;
    Job::start(
        loop,
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
  Loop loop;
  Gate gate;
  for (std::size_t i = 0; i < Job::kThreads; ++i) {
    Job::start(
        loop, [&] { gate.wait(); }, [] {});
  }
  gate.wait_for(Job::kThreads);
  bool resolved = false;
  auto lookup = Lookup::start(loop, "localhost", 80, [&](auto) { resolved = true; });
  run_until(loop, [&] { return resolved; });
  gate.open();
  loop.run();
  CHECK(resolved);
}

TEST_CASE("a loop that goes takes with it what waits for a thread") {
  Gate gate;
  auto captured = std::make_shared<int>(0);
  bool started = false;
  Loop busy;
  for (std::size_t i = 0; i < Job::kThreads; ++i) {
    Job::start(
        busy, [&] { gate.wait(); }, [] {});
  }
  gate.wait_for(Job::kThreads);
  {
    Loop loop;
    Job::start(
        loop, [&, captured] { started = true; }, [captured] {});
  }
  CHECK(captured.use_count() == 1);
  gate.open();
  busy.run();
  CHECK_FALSE(started);
}
