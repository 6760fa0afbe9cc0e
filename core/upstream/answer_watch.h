// The deadline of an upstream's answer: for its head, then between two pieces of its body. A time of 0 is no deadline.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/deadline_wheel.h"
#include "net/loop.h"

namespace postern::proxy {

class AnswerWatch {
 public:
  // `fire` is called when something stood still for too long, see overdue().
  AnswerWatch(net::Loop& loop, Deadline::Fire fire, void* owner) noexcept : loop_(loop), deadline_(fire, owner) {}

  void reset() noexcept {  // a new user
    head_due_ = true;
    wait_ = Wait::nothing;
  }
  void begin(std::uint64_t response_ms, std::uint64_t body_ms) noexcept {
    response_ms_ = response_ms;
    body_ms_ = body_ms;
  }
  // The upstream's time runs once it has the whole request, and while it does not read: a slow client is not its fault.
  void on_request_moved(bool waits_for_upstream) {
    if (head_due_) wait_for(waits_for_upstream ? Wait::head : Wait::nothing);
  }
  void on_head(bool ends) {
    head_due_ = false;
    wait_for(ends ? Wait::nothing : Wait::body);
  }
  void on_body_moved() { wait_for(Wait::body); }
  void stop() noexcept { wait_ = Wait::nothing; }  // the client does not read, or all has come
  void cancel() noexcept { deadline_.cancel(); }
  // For connections without a user: the same deadline.
  void wait_idle(std::uint64_t idle_ms) {
    wait_ = Wait::idle;
    loop_.arm(deadline_, idle_ms);
  }

  bool head_due() const noexcept { return head_due_; }
  bool idle() const noexcept { return wait_ == Wait::idle; }
  // In `fire`: what stood still; empty: a deadline that does not count any more, or that of wait_idle.
  std::string_view overdue() const noexcept {
    if (wait_ == Wait::head) return "no response head in time";
    return wait_ == Wait::body ? "the response body stood still" : std::string_view();
  }

 private:
  enum class Wait : std::uint8_t { nothing, idle, head, body };
  void wait_for(Wait what) {
    bool armed_in_this_event = what == wait_ && armed_ns_ == loop_.event_ns();  // a head, and the body behind it
    if (armed_in_this_event) return;
    std::uint64_t ms = what == Wait::head ? response_ms_ : body_ms_;
    wait_ = ms == 0 ? Wait::nothing : what;
    if (wait_ == Wait::nothing) return;  // a deadline that comes meanwhile is ignored: cheaper than taking it out
    armed_ns_ = loop_.event_ns();
    loop_.arm(deadline_, ms);
  }

  net::Loop& loop_;
  Deadline deadline_;
  std::uint64_t response_ms_ = 0;
  std::uint64_t body_ms_ = 0;
  std::uint64_t armed_ns_ = 0;  // the event in which it was armed
  Wait wait_ = Wait::nothing;
  bool head_due_ = false;  // lent, and no response head yet
};

}  // namespace postern::proxy
