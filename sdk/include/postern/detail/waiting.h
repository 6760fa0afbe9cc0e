// What a Task can wait for: sleep, call, work. All of it ends with the exchange.
//
// For GCC 12, which destroys some temporaries of co_await twice, give a lambda with captures a name before it is passed to work().
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "postern/detail/async.h"
#include "postern/detail/course.h"

namespace postern {

// What an HTTP call came to, kept as long as one likes.
class CallAnswer {
 public:
  CallAnswer() = default;
  explicit CallAnswer(const CallResponse& response)
      : result_(response.result()), status_(response ? response.status() : 0), body_(response ? response.body() : "") {
    for (std::uint64_t i = 0; response && i < response.header_count(); ++i)
      headers_.emplace_back(response.header_at(i).name, response.header_at(i).value);
  }
  Status result() const { return result_; }  // the rest is meaningful when this is ok
  explicit operator bool() const { return result_.ok(); }
  std::uint32_t status() const { return status_; }
  const std::string& body() const { return body_; }
  // The first of that name, without regard to case.
  std::optional<std::string_view> header(std::string_view name) const {
    for (const auto& [known, value] : headers_)
      if (same_ignoring_case(known, name)) return value;
    return std::nullopt;
  }

 private:
  Status result_ = POSTERN_E_FAILED;
  std::uint32_t status_ = 0;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string body_;
};

namespace detail {

class Sleeping {
 public:
  explicit Sleeping(std::uint64_t ms) : ms_(ms) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) {
    Course& course = *waiting.promise().course;
    course.announce_wait(ms_);
    timer_ = Timer(course.exchange().instance(), ms_, [&course, waiting] { course.go_on(waiting); });
    return static_cast<bool>(timer_);
  }
  void await_resume() const {
    if (!timer_) throw Failure("a timer could not be started");
  }

 private:
  std::uint64_t ms_;
  Timer timer_;
};

class Calling {
 public:
  explicit Calling(const CallRequest& request) : request_(request) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) {
    Course& course = *waiting.promise().course;
    call_ = Call(course.exchange().instance(), request_, [this, &course, waiting](const CallResponse& response) {
      answer_ = CallAnswer(response);
      course.go_on(waiting);
    });
    return static_cast<bool>(call_);
  }
  CallAnswer await_resume() {
    if (!call_) throw Failure("the call could not be started: its request is malformed, or there is no such upstream");
    return std::move(answer_);
  }

 private:
  CallRequest request_;
  Call call_;
  CallAnswer answer_;
};

template <class Run>
class Working {
 public:
  using Result = std::invoke_result_t<Run&>;
  explicit Working(Run run) : run_(std::move(run)), outcome_(std::make_shared<Outcome<Result>>()) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) {
    Course& course = *waiting.promise().course;
    auto job = [run = std::move(run_), outcome = outcome_]() mutable { outcome->set_by(run); };
    work_ = Work(course.exchange().instance(), std::move(job), [&course, waiting] { course.go_on(waiting); });
    return static_cast<bool>(work_);
  }
  Result await_resume() {
    if (!work_) throw Failure("the job could not be started: too many wait already");
    return outcome_->take();
  }

 private:
  Run run_;
  std::shared_ptr<Outcome<Result>> outcome_;  // a job that runs outlives an exchange that has ended
  Work work_;
};

}  // namespace detail

// `co_await sleep(50)`: milliseconds, which do not count against the hook's deadline.
[[nodiscard]] inline detail::Sleeping sleep(std::uint64_t ms) { return detail::Sleeping(ms); }

// `CallAnswer answer = co_await call({.upstream = "auth", .target = "/check"})`: look at its result() first. Throws when the call cannot
// even begin.
[[nodiscard]] inline detail::Calling call(const CallRequest& request) { return detail::Calling(request); }

// `auto hash = co_await work(compute)`: `compute()` on a thread of the pool. It must own what it uses, for the exchange may end
// before it does. What it throws is thrown here.
template <class Run>
[[nodiscard]] detail::Working<Run> work(Run run) {
  return detail::Working<Run>(std::move(run));
}

}  // namespace postern
