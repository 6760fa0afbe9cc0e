#include "net/loop.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "net_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

namespace {

struct Tracked final : Deferred {
  explicit Tracked(std::vector<std::string>& log, std::function<void()> at_end = {})
      : log_(log), at_end_(std::move(at_end)) {}
  ~Tracked() override {
    log_.push_back("deleted");
    if (at_end_) at_end_();
  }
  std::vector<std::string>& log_;
  std::function<void()> at_end_;
};

}  // namespace

TEST_CASE("a loop with nothing to do returns") {
  Loop loop;
  loop.run();
  CHECK_FALSE(loop.run_once());
}

TEST_CASE("deferred tasks run later, in order, before run() ends") {
  Loop loop;
  std::vector<std::string> log;
  loop.defer([&] {
    log.push_back("first");
    loop.defer([&] { log.push_back("third"); });
  });
  loop.defer([&] { log.push_back("second"); });
  CHECK(log.empty());
  loop.run();
  CHECK(log == std::vector<std::string>{"first", "second", "third"});
}

TEST_CASE("tasks that defer tasks for ever do not starve the rest") {
  Loop loop;
  bool fired = false;
  auto timer = Timer::start(loop, 1, 0, [&] { fired = true; });
  std::function<void()> again = [&] {
    if (!fired) loop.defer(again);
  };
  loop.defer(again);
  loop.run();
  CHECK(fired);
}

TEST_CASE("tasks that post tasks for ever do not starve the rest") {
  Loop loop;
  bool fired = false;
  auto timer = Timer::start(loop, 1, 0, [&] { fired = true; });
  std::function<void()> again = [&] {
    if (!fired) loop.post(again);
  };
  loop.post(again);
  loop.run();
  CHECK(fired);
}

TEST_CASE("defer_delete deletes later, after the tasks that were put down before") {
  Loop loop;
  std::vector<std::string> log;
  auto timer = Timer::start(loop, 0, 0, [&] {
    loop.defer([&] { log.push_back("task"); });
    loop.defer_delete(std::make_unique<Tracked>(log));
    log.push_back("event");
  });
  loop.run();
  CHECK(log == std::vector<std::string>{"event", "task", "deleted"});
}

TEST_CASE("a destructor may put down more work") {
  Loop loop;
  std::vector<std::string> log;
  loop.defer_delete(std::make_unique<Tracked>(log, [&] {
    loop.defer_delete(std::make_unique<Tracked>(log));
    loop.defer([&] { log.push_back("task"); });
  }));
  loop.run();
  CHECK(log.size() == 3);
}

TEST_CASE("adopted objects go when released, or with the loop") {
  std::vector<std::string> log;
  {
    Loop loop;
    auto first = std::make_unique<Tracked>(log);
    auto& released = *first;
    loop.adopt(std::move(first));
    loop.adopt(std::make_unique<Tracked>(log));
    loop.release(released);
    CHECK(log.empty());
    loop.run();
    CHECK(log.size() == 1);
  }
  CHECK(log.size() == 2);
}

TEST_CASE("a loop that goes runs what was deferred and drops what was posted") {
  bool deferred = false;
  bool posted = false;
  {
    Loop loop;
    loop.defer([&] { deferred = true; });
    CHECK(loop.post([&] { posted = true; }));
  }
  CHECK(deferred);
  CHECK_FALSE(posted);
}

TEST_CASE("post runs tasks of other threads on the loop's thread, in each thread's order") {
  Loop loop;
  constexpr int kThreads = 4;
  constexpr int kTasks = 1000;
  std::vector<std::vector<int>> seen(kThreads);
  bool wrong_thread = false;
  auto home = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        loop.post([&, t, i] {
          wrong_thread |= std::this_thread::get_id() != home;
          seen[static_cast<std::size_t>(t)].push_back(i);
        });
      }
    });
  }
  auto all_in = [&] {
    for (const auto& one : seen) {
      if (one.size() < kTasks) return false;
    }
    return true;
  };
  run_until(loop, all_in);
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(wrong_thread);
  for (const auto& one : seen) CHECK(std::is_sorted(one.begin(), one.end()));
}

TEST_CASE("post wakes a loop that blocks, and stop ends it") {
  Loop loop;
  auto keep_alive = Timer::start(loop, 3'600'000, 0, [] {});
  std::thread other([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  other.join();
}

TEST_CASE("a task posted before run() runs though nothing else keeps the loop alive") {
  Loop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  loop.run();
  CHECK(ran);
}

TEST_CASE("post is refused while the loop goes") {
  std::vector<std::string> log;
  bool accepted = true;
  {
    Loop loop;
    loop.adopt(std::make_unique<Tracked>(log, [&] { accepted = loop.post([] {}); }));
  }
  CHECK_FALSE(accepted);
}

TEST_CASE("deadlines fire through the loop's tick, also after the wheel stood still") {
  Loop loop;
  int fired = 0;
  Deadline deadline([](void* count) { ++*static_cast<int*>(count); }, &fired);
  loop.arm(deadline, 5);
  run_until(loop, [&] { return fired == 1; });
  run_until(loop, [&] { return loop.deadlines().empty(); });
  turn(loop, 3);
  loop.arm(deadline, 0);
  run_until(loop, [&] { return fired == 2; });
}

TEST_CASE("a loop may go with a stop() still due") {
  Loop loop;
  loop.stop();
  Timer::start(loop, 0, 0, [] {}).reset();
}

TEST_CASE("an armed deadline keeps no loop alive") {
  Loop loop;
  Deadline deadline([](void*) {}, nullptr);
  loop.arm(deadline, UINT64_MAX);
  loop.run();
  CHECK(deadline.armed());
}

TEST_CASE("the event clock is read when an outermost event begins") {
  Loop loop;
  EventScope outer(loop);
  auto at = loop.event_ns();
  CHECK(at > 0);
  EventScope inner(loop);
  CHECK(loop.event_ns() == at);
}

TEST_CASE("a loop destroyed with an open handle aborts") {
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // doctest would report it
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    auto* loop = new Loop;
    auto leaked = Timer::start(*loop, 3'600'000, 0, [] {});
    delete loop;
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}
