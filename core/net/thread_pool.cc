#include "net/thread_pool.h"

#include <uv.h>

#include <utility>

namespace postern::net {
namespace {

class UvJob final : public Job {
 public:
  UvJob(std::function<void()> work, std::function<void()> done) : work_(std::move(work)), done_(std::move(done)) {}

  // The request is part of the job, so the job holds itself until the request has ended.
  static std::shared_ptr<Job> start(Loop& loop, std::shared_ptr<UvJob> job) {
    job->self_ = job;
    job->request_.data = job.get();
    uv_queue_work(loop.raw(), &job->request_, on_pool_thread, on_ended);  // fails only without a function
    return job;
  }

  bool cancel() override {
    done_ = nullptr;
    if (self_ == nullptr) return true;  // it has ended
    return uv_cancel(reinterpret_cast<uv_req_t*>(&request_)) == 0;
  }

 private:
  static void on_pool_thread(uv_work_t* raw) { static_cast<UvJob*>(raw->data)->work_(); }

  static void on_ended(uv_work_t* raw, int) {
    auto job = std::move(static_cast<UvJob*>(raw->data)->self_);
    Loop& loop = Loop::of(raw->loop);
    EventScope event(loop);
    static_cast<UvJob*>(raw->data)->finish(loop);
  }

  void finish(Loop& loop) {
    work_ = nullptr;  // what it captured goes on the loop's thread
    auto done = std::exchange(done_, nullptr);
    if (done && !loop.closing()) done();
  }

  uv_work_t request_{};
  std::function<void()> work_;
  std::function<void()> done_;  // empty once cancelled
  std::shared_ptr<UvJob> self_;
};

}  // namespace

std::shared_ptr<Job> Job::start(Loop& loop, std::function<void()> work, std::function<void()> done) {
  return UvJob::start(loop, std::make_shared<UvJob>(std::move(work), std::move(done)));
}

}  // namespace postern::net
