#include "net/thread_pool.h"

#include <uv.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/alternate_stack.h"
#include "net/handle_ptr.h"

namespace postern::net {
namespace {

class PoolJob;

// The process's threads and what waits for one of them.
class Pool {
 public:
  static Pool& of_process() {
    static Pool& pool = *new Pool;  // never destroyed: its threads have no end
    return pool;
  }
  void add(std::shared_ptr<PoolJob> job);
  bool withdraw(const PoolJob* job);  // false: a thread has taken it

 private:
  [[noreturn]] void serve();

  std::mutex mutex_;  // guards all of it
  std::condition_variable added_;
  std::deque<std::shared_ptr<PoolJob>> waiting_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

// Shared by its owner, the pool and, through Landing, its loop.
class PoolJob final : public Job, public std::enable_shared_from_this<PoolJob> {
 public:
  PoolJob(Loop& loop, std::function<void()> work, std::function<void()> done)
      : loop_(loop), work_(std::move(work)), done_(std::move(done)), ended_signal_(new uv_async_t) {
    uv_async_init(loop.raw(), ended_signal_.get(), on_ended);  // cannot fail: the loop has its descriptor already
    ended_signal_->data = this;
  }

  void start() {
    auto landing = std::make_unique<Landing>(shared_from_this());
    landing_ = landing.get();
    loop_.adopt(std::move(landing));
    Pool::of_process().add(shared_from_this());
  }

  void run() {
    work_();
    std::lock_guard lock(mutex_);
    ended_ = true;
    ended_changed_.notify_all();
    uv_async_send(ended_signal_.get());
  }

  bool cancel() override {
    done_ = nullptr;
    if (landing_ == nullptr) return true;  // it has ended
    if (!Pool::of_process().withdraw(this)) return has_ended();
    land();
    return true;
  }

 private:
  // The loop's share: while it stands, the loop turns; when the loop goes first, nothing may reach it any more.
  struct Landing final : Deferred {
    explicit Landing(std::shared_ptr<PoolJob> j) : job(std::move(j)) {}
    ~Landing() override { job->abandon(); }
    const std::shared_ptr<PoolJob> job;
  };

  static void on_ended(uv_async_t* raw) {
    auto* job = static_cast<PoolJob*>(raw->data);
    if (job == nullptr) return;
    auto alive = job->shared_from_this();
    EventScope event(job->loop_);
    if (job->has_ended()) job->land();
  }

  bool has_ended() {
    std::lock_guard lock(mutex_);
    return ended_;
  }

  void land() {
    close();
    auto done = std::exchange(done_, nullptr);
    loop_.release(*std::exchange(landing_, nullptr));
    if (done) done();
  }

  void abandon() {
    if (landing_ == nullptr) return;
    landing_ = nullptr;
    done_ = nullptr;
    if (!Pool::of_process().withdraw(this)) {
      std::unique_lock lock(mutex_);
      ended_changed_.wait(lock, [this] { return ended_; });
    }
    close();
  }

  // No thread is in run() any more, or it has nothing left to do there. What `work` captured goes on the loop's thread.
  void close() {
    work_ = nullptr;
    std::lock_guard lock(mutex_);
    ended_signal_.reset();
  }

  Loop& loop_;
  std::function<void()> work_;
  std::function<void()> done_;  // empty once cancelled
  Landing* landing_ = nullptr;  // the loop's thread only; null once it has ended there
  std::mutex mutex_;            // guards the rest
  std::condition_variable ended_changed_;
  bool ended_ = false;
  HandlePtr<uv_async_t> ended_signal_;
};

void Pool::add(std::shared_ptr<PoolJob> job) {
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(job));
  if (idle_ < waiting_.size() && threads_ < Job::kThreads) {
    ++threads_;
    std::thread([this] { serve(); }).detach();
  }
  added_.notify_one();
}

bool Pool::withdraw(const PoolJob* job) {
  std::lock_guard lock(mutex_);
  return std::erase_if(waiting_, [&](const auto& waiting) { return waiting.get() == job; }) > 0;
}

void Pool::serve() {
  const AlternateStack signal_stack;
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    added_.wait(lock, [this] { return !waiting_.empty(); });
    --idle_;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job->run();
    job.reset();
    lock.lock();
  }
}

}  // namespace

std::shared_ptr<Job> Job::start(Loop& loop, std::function<void()> work, std::function<void()> done) {
  auto job = std::make_shared<PoolJob>(loop, std::move(work), std::move(done));
  job->start();
  return job;
}

}  // namespace postern::net
