#include "net/thread_pool.h"

#include <uv.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/alternate_stack.h"
#include "net/handle_ptr.h"

namespace postern::net {

// The process's threads, and the lanes whose jobs wait for one of them.
class Pool {
 public:
  static Pool& of_process() {
    static Pool& pool = *new Pool;  // never destroyed: its threads have no end
    return pool;
  }
  void add(std::shared_ptr<PoolJob> job);
  bool withdraw(const PoolJob* job);  // false: a thread has taken it
  void widen(Lane& lane, std::size_t width);

 private:
  // All of these are called under the lock.
  bool may_begin(const Lane& lane) const;
  std::shared_ptr<Lane> take_lane();
  void begin_what_may();
  void begin_next(Lane& lane);
  void leave(Lane& lane);
  void spawn_missing_threads();

  [[noreturn]] void serve();

  std::mutex mutex_;  // guards all of it, and the lanes
  std::condition_variable begun_changed_;
  std::deque<std::shared_ptr<Lane>> lanes_;     // in which jobs wait; the first has its turn next
  std::deque<std::shared_ptr<PoolJob>> begun_;  // counted as running in their lanes; a thread is on its way to each
  std::size_t idle_ = 0;                        // threads without a job, those on their way among them
  std::size_t shared_ = 0;                      // jobs that run beside others of their lane
};

// Shared by its owner, the pool and, through Landing, its loop.
class PoolJob final : public Job, public std::enable_shared_from_this<PoolJob> {
 public:
  PoolJob(Loop& loop, std::shared_ptr<Lane> lane, std::function<void()> work, std::function<void()> done)
      : loop_(loop),
        lane_(std::move(lane)),
        work_(std::move(work)),
        done_(std::move(done)),
        ended_signal_(new uv_async_t) {
    uv_async_init(loop.raw(), ended_signal_.get(), on_ended);  // cannot fail: the loop has its descriptor already
    ended_signal_->data = this;
  }

  void start() {
    auto landing = std::make_unique<Landing>(shared_from_this());
    landing_ = landing.get();
    loop_.adopt(std::move(landing));
    Pool::of_process().add(shared_from_this());
  }

  const std::shared_ptr<Lane>& lane() const { return lane_; }

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
  const std::shared_ptr<Lane> lane_;
  std::function<void()> work_;
  std::function<void()> done_;  // empty once cancelled
  Landing* landing_ = nullptr;  // the loop's thread only; null once it has ended there
  std::mutex mutex_;            // guards the rest
  std::condition_variable ended_changed_;
  bool ended_ = false;
  HandlePtr<uv_async_t> ended_signal_;
};

namespace {

bool take_out(std::deque<std::shared_ptr<PoolJob>>& jobs, const PoolJob* job) {
  return std::erase_if(jobs, [&](const auto& one) { return one.get() == job; }) > 0;
}

}  // namespace

void Pool::add(std::shared_ptr<PoolJob> job) {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<Lane>& lane = job->lane();
  if (lane->waiting_.empty()) lanes_.push_back(lane);
  lane->waiting_.push_back(std::move(job));
  begin_what_may();
}

bool Pool::withdraw(const PoolJob* job) {
  std::lock_guard lock(mutex_);
  Lane& lane = *job->lane();
  if (take_out(lane.waiting_, job)) {
    if (lane.waiting_.empty()) std::erase(lanes_, job->lane());
    return true;
  }
  if (!take_out(begun_, job)) return false;
  leave(lane);
  return true;
}

void Pool::widen(Lane& lane, std::size_t width) {
  std::lock_guard lock(mutex_);
  lane.width_ = std::max(lane.width_, width);
  begin_what_may();
}

// The first of a lane needs no room, so that lanes which are full of blocked jobs never hold up another.
bool Pool::may_begin(const Lane& lane) const {
  if (lane.running_ == 0) return true;
  return lane.running_ < lane.width_ && shared_ < Job::kSharedThreads;
}

// The next lane of which a job may begin, or null. It is no longer among lanes_.
std::shared_ptr<Lane> Pool::take_lane() {
  const auto at = std::ranges::find_if(lanes_, [this](const auto& lane) { return may_begin(*lane); });
  if (at == lanes_.end()) return nullptr;
  std::shared_ptr<Lane> lane = std::move(*at);
  lanes_.erase(at);
  return lane;
}

// One job of each lane in turn.
void Pool::begin_what_may() {
  while (const std::shared_ptr<Lane> lane = take_lane()) {
    begin_next(*lane);
    if (!lane->waiting_.empty()) lanes_.push_back(lane);
  }
  spawn_missing_threads();
}

void Pool::begin_next(Lane& lane) {
  if (lane.running_++ > 0) ++shared_;
  begun_.push_back(std::move(lane.waiting_.front()));
  lane.waiting_.pop_front();
  begun_changed_.notify_one();
}

void Pool::leave(Lane& lane) {
  if (--lane.running_ > 0) --shared_;
  begin_what_may();
}

// Where the system has no more threads to give, jobs wait for those that are there.
void Pool::spawn_missing_threads() try {
  for (; idle_ < begun_.size(); ++idle_) std::thread([this] { serve(); }).detach();
} catch (const std::system_error&) {
}

void Pool::serve() {
  const AlternateStack signal_stack;
  std::unique_lock lock(mutex_);
  while (true) {
    begun_changed_.wait(lock, [this] { return !begun_.empty(); });
    --idle_;
    auto job = std::move(begun_.front());
    begun_.pop_front();
    lock.unlock();
    const std::shared_ptr<Lane> lane = job->lane();
    job->run();
    job.reset();
    lock.lock();
    ++idle_;
    leave(*lane);
  }
}

void Lane::widen(std::size_t width) { Pool::of_process().widen(*this, width); }

std::shared_ptr<Job> Job::start(Loop& loop, std::shared_ptr<Lane> lane, std::function<void()> work,
                                std::function<void()> done) {
  auto job = std::make_shared<PoolJob>(loop, std::move(lane), std::move(work), std::move(done));
  job->start();
  return job;
}

}  // namespace postern::net
