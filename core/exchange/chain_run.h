// Runs the hooks of an exchange's chain: whose turn it is, what a verdict comes to, who is suspended and for how long. Knows
// neither the client nor the upstream; what a verdict means for the course of the exchange is the Host's.
#pragma once

#include <postern/abi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/deadline_wheel.h"
#include "base/error.h"
#include "exchange/exchange_context.h"
#include "exchange/local_answer.h"
#include "exchange/response_makers.h"
#include "exchange/trail.h"
#include "plan/chain.h"

namespace postern::proxy {

// What stands still when a hook suspends.
enum class Lane : std::uint8_t { head, request_body, response_body };

class ChainRun {
 public:
  // The exchange, whose course verdicts change.
  class Host {
   public:
    virtual bool takes_answer() const noexcept = 0;         // false: the head of a response has gone out
    virtual void on_answer(const LocalAnswer& answer) = 0;  // it is the response from now on
    virtual void on_hook_failure(const Error& error) = 0;   // an ERROR that counts, or a deadline that has passed
    virtual void on_abort() = 0;                            // the exchange ends without an answer
    virtual void on_resumed(
        std::uint64_t number) = 0;  // go_on(number) is to be called when no plugin's code is on the stack
    virtual void on_resume(Lane lane, postern_verdict verdict) = 0;  // the lane goes on; a head's with CONTINUE alone

   protected:
    ~Host() = default;
  };
  enum class Run : std::uint8_t { finished, suspended, ended };  // ended: a verdict has changed the course

  ChainRun(Host& host, ExchangeContext& exchange)
      : host_(host), x_(exchange), pause_deadline_(&ChainRun::on_pause_deadline, this) {}
  ChainRun(const ChainRun&) = delete;
  ChainRun& operator=(const ChainRun&) = delete;

  // First the gateway-wide chain, then the route's, which begins with the same links: their slots keep what they hold.
  void use(const Chain& chain);
  bool has_chain() const noexcept { return chain_ != nullptr; }
  std::span<const Link> links() const noexcept { return chain_->links(); }
  std::span<const Link> of(Hook hook) const noexcept { return chain_->of(hook); }

  // --- Hooks ---
  // Calls the hook of one link after another, those of responses backwards. After `suspended` the same call goes on behind the
  // link that suspended.
  Run run(Hook hook) { return chain_->of(hook).empty() ? Run::finished : call_hooks(hook); }
  // The next run() begins with its first link, whatever was suspended.
  void restart_hooks() noexcept {
    next_ = 0;
    ++course_;
  }
  // Rises when the exchange goes to another stage or ends: whoever calls a hook sees that it brought this about.
  std::uint32_t course() const noexcept { return course_; }
  // All request hooks have had their turn. Until then response hooks run for those links that have had theirs.
  void reach_all() noexcept { reached_ = static_cast<std::uint32_t>(links().size()); }
  std::span<const Link> response_body_links() const noexcept {  // those that were reached
    auto links = chain_->of(Hook::response_body);
    return links.empty() ? links : reached_of(links);
  }
  // True also when nobody could judge it: the instance's next hook then fails the exchange in place of being called.
  bool condition_holds(const Link& link) { return link.instance->when == nullptr || judge_condition(link); }
  // Whether a response hook is to be called: its condition holds, and the response is not of its own making.
  bool asks_about_response(const Link& link) { return condition_holds(link) && !makers_.made_current(link); }
  // CONTINUE, SUSPEND, RESPOND, ABORT or ERROR; on_error and shadow mode have been applied.
  postern_verdict call_body_hook(const Link& link, Hook hook, std::string_view bytes, std::uint32_t flags);
  // Lets the Host carry out a verdict other than CONTINUE and SUSPEND.
  Run carry_out(const Link& link, Hook hook, postern_verdict verdict);
  // The response is about to be replaced because `link` could not take its body.
  void note_failure(const Link& link) { makers_.failed(link); }
  void tell_upstream_result(const postern_upstream_result& result);
  void tell_completion(const postern_completion& completion);

  // --- Who acts ---
  // The instance whose code runs, when its hook runs here or is suspended; null: who runs may change nothing of this exchange.
  const Instance* acting() const noexcept;
  bool acts_in(Lane lane) const noexcept;  // as that lane's hook
  // The response that the acting instance's hook has given with respond(); null when none.
  LocalAnswer* answer() const noexcept;
  bool may_answer() const noexcept;  // its hook is one that can
  void set_answer(const LocalAnswer& answer);
  void refuse_answer();  // what it gave is no response: its hook ends as one that refuses, with 500

  // --- What happened ---
  Trail* trail() const noexcept { return trail_.get(); }  // null: nobody reads it
  void note_answer(std::uint32_t status);                 // the acting instance has given, or would have given it
  void note_callback(const Instance& instance, std::uint64_t ran_ns);
  void count_replaced(Lane lane, std::size_t bytes);

  // --- Suspended hooks ---
  postern_status pause(postern_ticket& ticket);
  // `number`: the ticket's. The hook goes on as soon as no plugin's code is on the stack.
  postern_status resume(std::uint64_t number, postern_verdict verdict);
  postern_status wait_longer(std::uint64_t number, std::uint32_t wait_ms);
  void go_on(std::uint64_t number);               // that has been resumed
  void fail_pauses_of(const Instance& instance);  // its callback has thrown: they go on with ERROR
  void forget_head() noexcept {
    pause_of(Lane::head) = Pause{};
    answers_[static_cast<std::size_t>(Lane::head)] = {};
  }
  void forget_all() noexcept;  // nobody waits any more; an answer that has been set is dropped
  void stop() noexcept;        // the exchange is over: only tell_completion() still calls hooks

 private:
  struct Pause {
    std::uint64_t number = 0;  // 0: not paused
    const Link* link = nullptr;
    std::uint64_t since_ns = 0;
    std::uint32_t wait_ms = 0;  // that the plugin means to wait, beyond its instance's timeout
    postern_verdict verdict = POSTERN_CONTINUE;
    Hook hook = Hook::request;
    bool in_hook = false;  // the hook that took the ticket is still on the stack
    bool resumed = false;  // resume() came, with `verdict`

    std::uint64_t due_ns() const noexcept {
      return since_ns + (std::uint64_t{link->instance->timeout_ms} + wait_ms) * 1'000'000;
    }
  };
  // What the hook of a lane has given with respond(). It counts whatever the hook returns.
  struct Answer {
    LocalAnswer* given = nullptr;  // in the arena
    bool refused = false;          // it was no response
    bool empty() const noexcept { return given == nullptr && !refused; }
  };
  struct Running {
    const Link* link = nullptr;  // its hook is on the stack
    Hook hook = Hook::request;
    Lane lane = Lane::head;
  };
  static constexpr std::size_t kLanes = 3;
  static constexpr std::size_t kNobody = kLanes;

  Run call_hooks(Hook hook);
  template <class Code>
  bool run_code(const Link& link, Hook hook, Lane lane, Code code);
  template <class Code>
  bool run_noted(const Link& link, Hook hook, Code code);  // in the trail
  template <class Code>
  bool run_fenced(const Link& link, Hook hook, std::uint64_t* ran_ns, Code code);
  template <class Code>
  void tell(const Link& link, Hook hook, Code code);
  template <class Invoke>
  postern_verdict call(const Link& link, Hook hook, Lane lane, Invoke invoke);
  std::span<const Link> reached_of(std::span<const Link> backwards) const noexcept;
  postern_verdict after_suspend(const Link& link, Hook hook, Pause& pause);
  postern_verdict judge(const Link& link, Hook hook, postern_verdict verdict);
  postern_verdict judge_change(const Link& link, Hook hook, postern_verdict verdict);
  const char* problem_of(const Link& link, Hook hook, postern_verdict verdict) noexcept;
  bool judge_condition(const Link& link);
  bool is_unjudged(const Link& link) const noexcept {
    return link.instance->when != nullptr && conditions_[link.position] == kUnjudged;
  }
  postern_verdict refuse_unjudged(const Link& link, Hook hook);
  std::uint64_t since_start_ns() const noexcept;
  void note_verdict(const Link& link, Hook hook, postern_verdict wanted, postern_verdict judged,
                    std::uint64_t suspended_ns = 0);
  void continue_lane(Lane lane, postern_verdict verdict);
  void take_answer_along(std::size_t to);
  void go_on_behind_hook();
  void arm_pause_deadline();
  static void on_pause_deadline(void* self);
  void end_overdue_pauses();
  void pause_is_over(Lane lane);
  std::size_t acting_lane() const noexcept;  // kNobody: see acting()
  std::byte* zeroed_slots(std::uint32_t size);
  void* slot(const Link& link) noexcept {
    return link.slot < gateway_slots_size_ ? gateway_slots_ + link.slot
                                           : route_slots_ + (link.slot - gateway_slots_size_);
  }
  CallCounters& counters(const Link& link, Hook hook) { return x_.plan.counters(link).of(hook); }
  static Lane lane_of(Hook hook) noexcept {
    if (hook == Hook::request_body) return Lane::request_body;
    return hook == Hook::response_body ? Lane::response_body : Lane::head;
  }
  Answer& answer_of(Hook hook) noexcept { return answers_[static_cast<std::size_t>(lane_of(hook))]; }
  Pause& pause_of(Lane lane) noexcept { return pauses_[static_cast<std::size_t>(lane)]; }
  Pause* pause_of(std::uint64_t number) noexcept;  // null: nobody waits with that ticket

  Host& host_;
  ExchangeContext& x_;
  const Chain* chain_ = nullptr;
  std::byte* gateway_slots_ = nullptr;
  std::byte* route_slots_ = nullptr;  // of the links behind the gateway-wide ones
  std::uint32_t gateway_slots_size_ = 0;
  std::uint32_t reached_ = 0;  // links whose request hooks had their turn
  std::size_t next_ = 0;       // in the running hook's array
  std::uint32_t course_ = 0;
  static constexpr std::int8_t kUnasked = -1, kNo = 0, kYes = 1, kUnjudged = 2;
  std::vector<std::int8_t> conditions_;  // by position: one of these; empty when the chain has none
  Running running_;
  Answer answers_[kLanes];
  ResponseMakers makers_;
  std::unique_ptr<Trail> trail_;
  Pause pauses_[kLanes];
  std::uint64_t pause_count_ = 0;
  Deadline pause_deadline_;       // the earliest of the pauses
  bool resumed_by_hook_ = false;  // of this exchange, which is still on the stack
  bool over_ = false;
};

}  // namespace postern::proxy
