// Timers, tasks and posts on a real worker: when they run, when they do not, and what pins the instance meanwhile.
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/plugin/worker_fixture.h"
#include "exchange/plugin_frame.h"
#include "plugin/control_hooks.h"

using namespace postern::plugin;

namespace {

constexpr std::uint64_t kNever = 3'600'000;

struct Firing {
  postern_timer timer = 0;
  int fired = 0;
  int cancel_at = 0;
  postern_status cancelled = 99;
  std::promise<void> done;
};

void on_fire(void* user) {
  auto& f = *static_cast<Firing*>(user);
  if (++f.fired < f.cancel_at) return;
  f.cancelled = timer_table().cancel(f.timer);
  f.done.set_value();
}

}  // namespace

TEST_CASE_FIXTURE(WorkerFixture, "a timer fires once, is over then, and pins the instance until it is") {
  Firing f;
  on_worker([&] {
    f.timer = timer_table().start(&instance, 0, 0, on_fire, &f);
    CHECK(f.timer != 0);
    CHECK(f.fired == 0);  // never inside start
    CHECK(instance.pins.count(HandleKind::timer) == 1);
  });
  f.done.get_future().wait();
  on_worker([] {});
  CHECK(f.fired == 1);
  CHECK(f.cancelled == POSTERN_E_GONE);
  CHECK_FALSE(instance.pins.any());
}

TEST_CASE_FIXTURE(WorkerFixture, "a repeating timer may cancel itself in its callback") {
  Firing f;
  f.cancel_at = 3;
  on_worker([&] { f.timer = timer_table().start(&instance, 0, 1, on_fire, &f); });
  f.done.get_future().wait();
  on_worker([] {});
  CHECK(f.fired == 3);
  CHECK(f.cancelled == POSTERN_OK);
  CHECK_FALSE(instance.pins.any());
}

TEST_CASE_FIXTURE(WorkerFixture, "timers end with the instance's worker") {
  Firing f;
  on_worker([&] {
    f.timer = timer_table().start(&instance, kNever, 0, on_fire, &f);
    timer_table().start(&instance, ~0ull, ~0ull, on_fire, &f);
    CHECK(instance.pins.count(HandleKind::timer) == 2);
    release_worker_handles(&instance, 2);  // another worker's
    CHECK(instance.pins.count(HandleKind::timer) == 2);
    release_worker_handles(&instance, 3);
    CHECK_FALSE(instance.pins.any());
    CHECK(timer_table().cancel(f.timer) == POSTERN_E_GONE);
  });
  CHECK(f.fired == 0);
}

TEST_CASE_FIXTURE(WorkerFixture, "a callback that throws is logged and hurts nobody") {
  on_worker([&] {
    timer_table().start(
        &instance, 0, 0, [](void*) { throw std::runtime_error("on purpose"); }, nullptr);
  });
  Firing f;
  on_worker([&] { f.timer = timer_table().start(&instance, 1, 0, on_fire, &f); });
  f.done.get_future().wait();
  CHECK(f.fired == 1);
}

TEST_CASE_FIXTURE(WorkerFixture, "timer: bad arguments, and the time") {
  on_worker([&] {
    CHECK(timer_table().start(nullptr, 1, 0, on_fire, nullptr) == 0);
    CHECK(timer_table().start(&instance, 1, 0, nullptr, nullptr) == 0);
    CHECK(timer_table().now_ms() == worker.loop().now_ms());
    CHECK(timer_table().unix_ms() > 1'500'000'000'000);
    CHECK(timer_table().unix_ns() / 1'000'000 >= timer_table().unix_ms() - 1'000);
  });
}

// F36: the time of a turn of the loop stands still, also for those who want to measure.
TEST_CASE_FIXTURE(WorkerFixture, "the measuring clock advances within a turn of the loop") {
  on_worker([&] {
    const std::uint64_t begun = timer_table().clock_ns(), turn = timer_table().now_ms();
    while (timer_table().clock_ns() - begun < 5'000'000) {
    }
    CHECK(timer_table().now_ms() == turn);
  });
}

namespace {

struct Job {
  std::promise<void> begun, go_on, done;
  std::atomic<bool> worked{false};
  std::thread::id worked_on, done_on;
  postern_status status = 99;
};

void work(void* user) {
  auto& job = *static_cast<Job*>(user);
  job.worked_on = std::this_thread::get_id();
  job.begun.set_value();
  job.go_on.get_future().wait();
  job.worked = true;
}

void work_done(void* user, postern_status status) {
  auto& job = *static_cast<Job*>(user);
  job.status = status;
  job.done_on = std::this_thread::get_id();
  job.done.set_value();
}

void posted(void* user) { work_done(user, POSTERN_OK); }

}  // namespace

TEST_CASE_FIXTURE(WorkerFixture,
                  "work runs in the pool, then done on the worker, also when it was cancelled too late") {
  Job job;
  postern_task task = 0;
  std::thread::id worker_thread;
  on_worker([&] {
    worker_thread = std::this_thread::get_id();
    task = work_table().submit(&instance, 0, work, work_done, &job);
  });
  CHECK(task != 0);
  CHECK(instance.pins.count(HandleKind::task) == 1);
  job.begun.get_future().wait();
  on_worker([&] { CHECK(work_table().cancel(task) == POSTERN_E_STATE); });
  job.go_on.set_value();
  job.done.get_future().wait();
  CHECK(job.worked);
  CHECK(job.status == POSTERN_OK);
  CHECK(job.worked_on != worker_thread);
  CHECK(job.done_on == worker_thread);
  on_worker([&] { CHECK(work_table().cancel(task) == POSTERN_E_GONE); });
  on_worker([] {});
  CHECK_FALSE(instance.pins.any());
}

TEST_CASE_FIXTURE(WorkerFixture,
                  "a task that waits can be cancelled; a plugin's own lane has four threads and is bounded") {
  // Every thread of the lane is kept busy, so that what comes later has to wait.
  std::vector<std::unique_ptr<Job>> busy;
  on_worker([&] {
    for (int i = 0; i < 4; ++i) {
      busy.push_back(std::make_unique<Job>());
      work_table().submit(&instance, 0, work, work_done, busy.back().get());
    }
  });
  for (auto& job : busy) job->begun.get_future().wait();
  on_worker([&] {
    std::atomic<int> ran{0};
    auto count = [](void* user) { ++*static_cast<std::atomic<int>*>(user); };
    std::vector<postern_task> tasks;
    for (int i = 0; i < 1'100; ++i)
      if (auto task = work_table().submit(&instance, 0, count, nullptr, &ran); task != 0) tasks.push_back(task);
    CHECK(tasks.size() == 1'024);
    for (auto task : tasks) CHECK(work_table().cancel(task) == POSTERN_OK);
    CHECK(work_table().cancel(tasks[0]) == POSTERN_E_GONE);
    CHECK(ran == 0);
  });
  for (auto& job : busy) job->go_on.set_value();
  for (auto& job : busy) job->done.get_future().wait();
  on_worker([&] { CHECK(work_table().submit(&instance, 0, nullptr, nullptr, nullptr) == 0); });
}

TEST_CASE_FIXTURE(WorkerFixture, "an instance that has stopped on a worker begins nothing there any more") {
  Firing f;
  on_worker([&] {
    release_worker_handles(&instance, 3);
    CHECK(timer_table().start(&instance, 0, 0, on_fire, &f) == 0);
    CHECK(work_table().submit(&instance, 0, work, work_done, &f) == 0);
  });
  CHECK(loop_table().post(&instance, 3, posted, &f) == POSTERN_E_GONE);
  CHECK_FALSE(instance.pins.any());
  on_worker([] {});
  CHECK(f.fired == 0);
}

TEST_CASE_FIXTURE(WorkerFixture, "a task that was accepted before its instance stopped still ends as promised") {
  Job job;
  on_worker([&] { work_table().submit(&instance, 0, work, work_done, &job); });
  job.begun.get_future().wait();
  on_worker([&] { release_worker_handles(&instance, 3); });
  CHECK(instance.pins.count(HandleKind::task) == 1);
  job.go_on.set_value();
  job.done.get_future().wait();
  on_worker([] {});
  CHECK_FALSE(instance.pins.any());
}

namespace {

struct Seen {
  std::promise<std::string> what;
  static void look(void* user) {
    const auto* code = postern::proxy::PluginFrame::top()->code();
    static_cast<Seen*>(user)->what.set_value(
        code == nullptr ? "nothing" : std::string(code->plugin) + ": " + std::string(code->what));
  }
  std::string wait() { return what.get_future().get(); }
};

}  // namespace

TEST_CASE_FIXTURE(WorkerFixture, "what runs is marked as the plugin's for as long as it runs") {
  Seen timer, post, working, done;
  CHECK(loop_table().post(&instance, 3, Seen::look, &post) == POSTERN_OK);
  on_worker([&] {
    timer_table().start(&instance, 0, 0, Seen::look, &timer);
    work_table().submit(&instance, 0, Seen::look, nullptr, &working);
    work_table().submit(
        &instance, 0, [](void*) {}, [](void* user, postern_status) { Seen::look(user); }, &done);
  });
  CHECK(timer.wait() == "example: timer");
  CHECK(post.wait() == "example: post");
  CHECK(working.wait() == "example: work");
  CHECK(done.wait() == "example: work done");
  on_worker([] { CHECK(postern::proxy::PluginFrame::top() == nullptr); });
}

TEST_CASE_FIXTURE(WorkerFixture, "post runs on the worker that was named") {
  Job job;
  job.go_on.set_value();
  std::thread::id worker_thread;
  on_worker([&] { worker_thread = std::this_thread::get_id(); });
  CHECK(loop_table().post(&instance, 3, posted, &job) == POSTERN_OK);
  job.done.get_future().wait();
  CHECK(job.done_on == worker_thread);
  CHECK(loop_table().post(&instance, 5, posted, &job) == POSTERN_E_GONE);
  CHECK(loop_table().post(&instance, ~0u, posted, &job) == POSTERN_E_GONE);
  on_worker([&] {
    CHECK(loop_table().worker() == 3);
    CHECK(loop_table().uv_loop() == worker.loop().raw());
  });
  CHECK_FALSE(instance.pins.any());
}
