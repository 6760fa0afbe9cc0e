// The course of one hook call that is a coroutine: it begins in the hook, goes on in callbacks, and ends with a verdict or with its
// exchange, whichever comes first.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "postern/detail/exchange.h"
#include "postern/detail/fence.h"
#include "postern/detail/task.h"

namespace postern::detail {

// The courses of one instance that wait in one exchange: in its slot, which is zeroed in the beginning.
struct WaitingCourses {
  Course* first;
  bool end_is_watched;
};

class Course {
 public:
  Course(WaitingCourses& waiting, postern_exchange x, postern_instance instance, std::string_view hook)
      : waiting_(waiting), exchange_(x, instance), hook_(hook) {}
  Course(const Course&) = delete;
  Course& operator=(const Course&) = delete;

  Exchange& exchange() { return exchange_; }
  // A copy that lives as long as the coroutine: the gateway's own bytes go when the hook returns.
  std::string_view keep(std::string_view bytes) { return bytes_ = bytes; }

  // Runs `task` in its hook until it ends or waits. The answer is the hook's.
  static postern_verdict begin(std::unique_ptr<Course> course, Task<Verdict> task) {
    course->task_.emplace(std::move(task));
    course->task_->handle().promise().course = course.get();
    course->run(course->task_->handle());
    if (course->ended()) return course->verdict();
    if (!course->wait()) return POSTERN_ERROR;
    course.release();  // one of its waiting coroutines' callbacks, or the exchange's end, has it from here on
    return POSTERN_SUSPEND;
  }

  // In a callback: the coroutine that waited goes on. The course may be over, and gone, afterwards.
  void go_on(std::coroutine_handle<> waiting) {
    run(waiting);
    if (!doomed_ && !ended()) return;
    std::unique_ptr<Course> over(this);
    if (doomed_) return;
    const postern_verdict answer = verdict();
    const Ticket ticket = ticket_;
    leave();
    over.reset();  // before the rest of the exchange, which may run inside resume()
    ticket.resume(static_cast<Verdict>(answer));
  }

  // It is about to wait for so long by its own choice.
  void announce_wait(std::uint64_t wait_ms) {
    const auto ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(wait_ms, UINT32_MAX));
    if (!ticket_) {
      wait_ms_ = ms;
    } else if (ticket_.wait_longer(ms).code() == POSTERN_E_LIMIT) {
      throw Failure("a hook may wait for ten minutes altogether");
    }
  }

 private:
  void run(std::coroutine_handle<> from) {
    running_ = true;
    from.resume();
    running_ = false;
  }
  bool ended() const { return task_->handle().done(); }

  postern_verdict verdict() {
    postern_verdict answer = POSTERN_ERROR;
    fenced(exchange_.instance().raw(), hook_, [&] { answer = static_cast<postern_verdict>(task_->await_resume()); });
    return answer;
  }

  bool wait() {
    ticket_ = exchange_.pause();
    if (!ticket_ || !watch_end()) return false;
    if (wait_ms_ > 0 && ticket_.wait_longer(wait_ms_).code() == POSTERN_E_LIMIT) return false;
    next_ = waiting_.first;
    if (next_ != nullptr) next_->previous_ = this;
    waiting_.first = this;
    return true;
  }

  bool watch_end() {
    if (waiting_.end_is_watched) return true;
    waiting_.end_is_watched = exchange_.on_end(exchange_.instance(), &Course::on_exchange_end, &waiting_).ok();
    return waiting_.end_is_watched;
  }

  static void on_exchange_end(void* user) {
    auto& waiting = *static_cast<WaitingCourses*>(user);
    while (waiting.first != nullptr) {
      Course* course = waiting.first;
      course->leave();
      course->doomed_ = true;  // one that runs, and brought this end about, goes when it has returned
      if (!course->running_) delete course;
    }
  }

  void leave() {
    (previous_ != nullptr ? previous_->next_ : waiting_.first) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

  WaitingCourses& waiting_;
  Exchange exchange_;
  std::string_view hook_;
  std::string bytes_;
  Ticket ticket_;
  std::uint32_t wait_ms_ = 0;
  bool running_ = false, doomed_ = false;
  Course *next_ = nullptr, *previous_ = nullptr;
  std::optional<Task<Verdict>> task_;  // last: what its frame holds may use all of the above
};

}  // namespace postern::detail
