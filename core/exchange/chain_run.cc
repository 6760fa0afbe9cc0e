#include "exchange/chain_run.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "base/clock.h"
#include "exchange/hook_call.h"

namespace postern::proxy {
namespace {

bool in_request_phase(Hook hook) { return hook == Hook::request_early || hook == Hook::request; }
bool in_response_phase(Hook hook) { return hook == Hook::response || hook == Hook::response_body; }

const char* id_of(const RoutePlan* route) noexcept { return route != nullptr ? route->config->id.c_str() : nullptr; }

std::uint64_t due_ns(std::uint64_t since_ns, const Link& link) noexcept {
  return since_ns + link.instance->timeout_ms * 1'000'000ull;
}

// Inside a catch clause: what was thrown.
void log_thrown(const Instance& instance, Hook hook) {
  try {
    throw;
  } catch (const std::exception& e) {
    log_hook_problem(instance, hook, std::string("threw an exception: ") + e.what());
  } catch (...) {
    log_hook_problem(instance, hook, "threw an exception");
  }
}

}  // namespace

void ChainRun::use(const Chain& chain) {
  if (chain_ == nullptr) {
    gateway_slots_size_ = chain.slots_size();
    gateway_slots_ = zeroed_slots(gateway_slots_size_);
  } else {
    route_slots_ = zeroed_slots(chain.slots_size() - gateway_slots_size_);
  }
  chain_ = &chain;
  if (chain.has_conditions()) conditions_.resize(chain.links().size(), -1);
}

std::byte* ChainRun::zeroed_slots(std::uint32_t size) {
  if (size == 0) return nullptr;
  auto* slots = static_cast<std::byte*>(x_.arena.allocate(size, 16));
  std::memset(slots, 0, size);
  return slots;
}

// ---- Calling ---------------------------------------------------------------------------------------------------------

ChainRun::Run ChainRun::call_hooks(Hook hook) {
  auto links = chain_->of(hook);
  const std::uint32_t course = course_;
  while (next_ < links.size()) {
    const Link& link = links[next_++];
    if (hook == Hook::response && (link.position >= reached_ || makers_.made_current(link))) continue;
    if (in_request_phase(hook)) reached_ = std::max(reached_, link.position + 1);
    if (!condition_holds(link)) continue;
    postern_verdict verdict =
        call(link, hook, Lane::head, [&] { return link.run(link.instance->data, slot(link), x_.handle); });
    if (course_ != course) return Run::ended;  // the hook resumed another, which answered or ended the exchange
    if (verdict == POSTERN_CONTINUE) continue;
    if (verdict == POSTERN_SUSPEND) return Run::suspended;
    if (auto run = carry_out(link, hook, verdict); run != Run::finished) return run;
  }
  next_ = 0;
  return Run::finished;
}

std::span<const Link> ChainRun::reached_of(std::span<const Link> backwards) const noexcept {
  auto reached = std::find_if(backwards.begin(), backwards.end(), [&](const Link& l) { return l.position < reached_; });
  return backwards.subspan(static_cast<std::size_t>(reached - backwards.begin()));
}

postern_verdict ChainRun::call_body_hook(const Link& link, Hook hook, std::string_view bytes, std::uint32_t flags) {
  const postern_plugin& plugin = *link.instance->plugin;
  bool upload = hook == Hook::request_body;
  auto* run = upload ? plugin.on_request_body : plugin.on_response_body;
  return call(link, hook, upload ? Lane::request_body : Lane::response_body, [&] {
    return run(link.instance->data, slot(link), x_.handle, {bytes.data(), bytes.size()}, flags);
  });
}

// Runs code of the instance. False when it threw, which is logged.
template <class Code>
inline bool ChainRun::run_code(const Link& link, Hook hook, Lane lane, Code code) {
  // A body hook can run while a head hook's callback is on the stack.
  const Running outer = std::exchange(running_, {&link, hook, lane});
  bool returned = false;
  {
    HookCall running(*link.instance, hook, id_of(x_.route), x_.plan.counters(link));
    try {
      code();
      returned = true;
    } catch (...) {
      log_thrown(*link.instance, hook);
    }
  }
  running_ = outer;
  return returned;
}

// Calls one hook and answers with a verdict that has been judged; SUSPEND only when the exchange really has to wait.
template <class Invoke>
inline postern_verdict ChainRun::call(const Link& link, Hook hook, Lane lane, Invoke invoke) {
  postern_verdict verdict = POSTERN_ERROR;
  run_code(link, hook, lane, [&] { verdict = invoke(); });
  Pause none;
  Pause& pause = pause_of(lane).in_hook ? pause_of(lane) : none;  // else a hook of what came in its place waits there
  pause.in_hook = false;
  if (verdict == POSTERN_SUSPEND) {
    verdict = after_suspend(link, hook, pause);
    if (verdict == POSTERN_SUSPEND) return verdict;
  }
  if (pause.link == &link) pause.number = 0;  // taken but not used, or already resumed
  return judge(link, hook, verdict);
}

// For a hook without a verdict: its error shows in its counters alone.
template <class Code>
inline void ChainRun::tell(const Link& link, Hook hook, Code code) {
  if (!condition_holds(link) || run_code(link, hook, Lane::head, code)) return;
  counters(link, hook).errors.add(1);
}

void ChainRun::tell_upstream_result(const postern_upstream_result& result) {
  for (const Link& link : chain_->of(Hook::upstream_result))
    tell(link, Hook::upstream_result,
         [&] { link.instance->plugin->on_upstream_result(link.instance->data, slot(link), x_.handle, &result); });
}

void ChainRun::tell_completion(const postern_completion& completion) {
  for (const Link& link : chain_->of(Hook::complete))
    tell(link, Hook::complete,
         [&] { link.instance->plugin->on_complete(link.instance->data, slot(link), x_.handle, &completion); });
}

bool ChainRun::judge_condition(const Link& link) {
  std::int8_t& known = conditions_[link.position];
  if (known < 0) known = link.instance->when->holds(x_.variables) ? 1 : 0;
  return known == 1;
}

// ---- Verdicts --------------------------------------------------------------------------------------------------------

// What the verdict comes to after on_error and shadow mode: CONTINUE, RESPOND, ABORT or ERROR.
inline postern_verdict ChainRun::judge(const Link& link, Hook hook, postern_verdict verdict) {
  if (verdict != POSTERN_CONTINUE) return judge_change(link, hook, verdict);
  answer_ = nullptr;
  return verdict;
}

postern_verdict ChainRun::judge_change(const Link& link, Hook hook, postern_verdict verdict) {
  if (const char* problem = problem_of(link, hook, verdict)) {
    log_hook_problem(*link.instance, hook, problem);
    verdict = POSTERN_ERROR;
  }
  if (verdict == POSTERN_ERROR) counters(link, hook).errors.add(1);
  if (verdict == POSTERN_RESPOND) counters(link, hook).responses.add(1);
  bool overlooked = link.instance->shadow || (verdict == POSTERN_ERROR && link.instance->fail_open);
  if (!overlooked) return verdict;
  if (link.instance->shadow) x_.plan.counters(link).shadowed.add(1);
  answer_ = nullptr;
  return POSTERN_CONTINUE;
}

void ChainRun::set_answer(const LocalAnswer& answer) {
  answer_ = new (x_.arena.allocate(sizeof(LocalAnswer))) LocalAnswer(answer);
}

// Why the hook cannot have said this; null when it can.
const char* ChainRun::problem_of(const Link& link, Hook hook, postern_verdict verdict) const noexcept {
  if (verdict == POSTERN_ABORT || verdict == POSTERN_ERROR) return nullptr;
  if (verdict != POSTERN_RESPOND) return "answered with an unknown verdict";
  if (answer_ == nullptr && !link.instance->shadow) return "answered RESPOND without a response";
  return in_response_phase(hook) && makers_.has_answered(link) ? "answered a second time" : nullptr;
}

// After a response hook the remaining ones see the response that has taken the place of the one before.
ChainRun::Run ChainRun::carry_out(const Link& link, Hook hook, postern_verdict verdict) {
  if (over_) return Run::ended;
  if (verdict == POSTERN_ABORT) {
    host_.on_abort();
    return Run::ended;
  }
  if (verdict == POSTERN_RESPOND && host_.takes_answer()) {
    if (in_response_phase(hook)) makers_.answered(link);
    host_.on_answer(*std::exchange(answer_, nullptr));
  } else {
    if (in_response_phase(hook)) makers_.failed(link);
    host_.on_hook_failure({ErrorCode::internal_error, Origin::plugin,
                           "plugin " + link.instance->name + " failed in " + std::string(name_of(hook))});
  }
  return hook == Hook::response && !over_ ? Run::finished : Run::ended;
}

// ---- Suspension ------------------------------------------------------------------------------------------------------

// SUSPEND when the hook has a ticket that nobody has used yet.
postern_verdict ChainRun::after_suspend(const Link& link, Hook hook, Pause& pause) {
  if (pause.number == 0 || pause.link != &link) {
    log_hook_problem(*link.instance, hook, "suspended without taking a ticket");
    return POSTERN_ERROR;
  }
  if (pause.resumed) return pause.verdict;
  arm_pause_deadline();
  return POSTERN_SUSPEND;
}

// Callbacks act for the hook that their instance suspended; those of an instance that suspended none act for nobody.
const Instance* ChainRun::suspended() const noexcept {
  const Instance* caller = running_instance();
  for (const Pause& pause : pauses_)
    if (pause.number != 0 && (caller == nullptr || caller == pause.link->instance)) return pause.link->instance;
  return nullptr;
}

postern_status ChainRun::pause(postern_ticket& ticket) {
  bool can = running_.link != nullptr && running_.hook != Hook::upstream_result && running_.hook != Hook::complete;
  if (!can || over_) return POSTERN_E_STATE;
  Pause& pause = pause_of(running_.lane);
  pause = Pause{};
  pause.number = ++pause_count_;
  pause.link = running_.link;
  pause.hook = running_.hook;
  pause.in_hook = true;
  pause.since_ns = x_.loop().event_ns();
  ticket = {x_.handle, pause.number};
  return POSTERN_OK;
}

postern_status ChainRun::resume(std::uint64_t number, postern_verdict verdict) {
  if (verdict == POSTERN_SUSPEND) return POSTERN_E_INVALID;
  auto has_number = [&](const Pause& pause) { return number != 0 && pause.number == number; };
  Pause* pause = std::find_if(pauses_, pauses_ + kLanes, has_number);
  if (pause == pauses_ + kLanes || pause->resumed) return POSTERN_E_GONE;
  if (pause->in_hook) {
    pause->resumed = true;
    pause->verdict = verdict;
  } else {
    continue_lane(static_cast<Lane>(pause - pauses_), verdict);
  }
  return POSTERN_OK;
}

void ChainRun::continue_lane(Lane lane, postern_verdict verdict) {
  const Pause pause = std::exchange(pause_of(lane), {});
  counters(*pause.link, pause.hook).suspended_ns.add(x_.loop().clock().now_ns() - pause.since_ns);
  verdict = judge(*pause.link, pause.hook, verdict);
  if (lane == Lane::head && verdict != POSTERN_CONTINUE) {
    carry_out(*pause.link, pause.hook, verdict);
    return;
  }
  host_.on_resume(lane, verdict);
}

void ChainRun::forget_all() noexcept {
  for (Pause& pause : pauses_) pause = Pause{};
  pause_deadline_.cancel();
  answer_ = nullptr;
}

void ChainRun::stop() noexcept {
  ++course_;
  over_ = true;
  if (pause_count_ != 0) forget_all();
}

void ChainRun::arm_pause_deadline() {
  std::uint64_t now = x_.loop().clock().now_ns();
  std::uint64_t earliest = UINT64_MAX;
  for (const Pause& pause : pauses_) {
    if (pause.number == 0) continue;
    std::uint64_t due = due_ns(pause.since_ns, *pause.link);
    earliest = std::min(earliest, due > now ? due - now : 0);
  }
  if (earliest != UINT64_MAX) x_.loop().arm(pause_deadline_, earliest / 1'000'000 + 1);
}

void ChainRun::on_pause_deadline(void* self) { static_cast<ChainRun*>(self)->end_overdue_pauses(); }

void ChainRun::end_overdue_pauses() {
  std::uint64_t now = x_.loop().clock().now_ns();
  for (std::size_t i = 0; i < kLanes; ++i) {
    if (pauses_[i].number == 0) continue;
    if (due_ns(pauses_[i].since_ns, *pauses_[i].link) <= now) pause_is_over(static_cast<Lane>(i));
    if (over_) return;
  }
  arm_pause_deadline();
}

// A forgotten resume never hangs the request: 504, and the log names the plugin.
void ChainRun::pause_is_over(Lane lane) {
  const Pause pause = pause_of(lane);
  const Instance& instance = *pause.link->instance;
  counters(*pause.link, pause.hook).deadlines.add(1);
  log_hook_problem(instance, pause.hook, "did not resume within its deadline");
  if (instance.fail_open || instance.shadow) return continue_lane(lane, POSTERN_CONTINUE);
  pause_of(lane) = Pause{};
  if (in_response_phase(pause.hook)) makers_.failed(*pause.link);
  host_.on_hook_failure(
      {ErrorCode::timeout, Origin::plugin,
       "plugin " + instance.name + " did not resume " + std::string(name_of(pause.hook)) + " within its deadline"});
}

}  // namespace postern::proxy
