// Calling hooks: verdicts, suspension and resume, deadlines, conditions, shadow mode, accounting.
#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "base/clock.h"
#include "exchange/exchange.h"
#include "exchange/hook_call.h"
#include "exchange/worker_context.h"

namespace postern::proxy {
namespace {

bool in_request_phase(Hook hook) { return hook == Hook::request_early || hook == Hook::request; }
bool in_response_phase(Hook hook) { return hook == Hook::response || hook == Hook::response_body; }

const char* id_of(const RoutePlan* route) noexcept { return route != nullptr ? route->config->id.c_str() : nullptr; }

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

Exchange::Run Exchange::call_hooks(Hook hook) {
  auto links = chain_->of(hook);
  while (hook_at_ < links.size()) {
    const Link& link = links[hook_at_++];
    if (hook == Hook::response && (link.position >= reached_ || makers_.made_current(link))) continue;
    if (in_request_phase(hook)) reached_ = std::max(reached_, link.position + 1);
    if (!condition_holds(link)) continue;
    postern_verdict verdict =
        call(link, hook, Lane::head, [&] { return link.run(link.instance->data, slot(link), handle_); });
    if (stage_ == Stage::done) return Run::ended;
    if (verdict == POSTERN_CONTINUE) continue;
    if (verdict == POSTERN_SUSPEND) return Run::suspended;
    if (auto run = carry_out(link, hook, verdict); run != Run::finished) return run;
  }
  hook_at_ = 0;
  return Run::finished;
}

postern_verdict Exchange::call_for_body(const Link& link, Hook hook, Lane lane, std::string_view bytes,
                                        std::uint32_t flags) {
  const postern_plugin& plugin = *link.instance->plugin;
  auto* run = hook == Hook::request_body ? plugin.on_request_body : plugin.on_response_body;
  return call(link, hook, lane, [&] {
    return run(link.instance->data, slot(link), handle_, {bytes.data(), bytes.size()}, flags);
  });
}

// Runs code of the instance. False when it threw, which is logged.
template <class Code>
inline bool Exchange::run_code(const Link& link, Hook hook, Lane lane, Code code) {
  // A body hook can run while a head hook's callback is on the stack.
  const Running outer = std::exchange(running_, {&link, hook, lane});
  bool returned = false;
  {
    HookCall running(*link.instance, hook, id_of(route_), plan_.counters(link));
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

// The same for a hook without a verdict: nobody hears of its error but the counters.
template <class Code>
inline void Exchange::tell(const Link& link, Hook hook, Code code) {
  if (!condition_holds(link) || run_code(link, hook, Lane::head, code)) return;
  plan_.counters(link).hooks[static_cast<std::size_t>(hook)].errors.add(1);
}

// Calls one hook and answers with a verdict that has passed settle(); SUSPEND only when the exchange really has to wait.
template <class Invoke>
inline postern_verdict Exchange::call(const Link& link, Hook hook, Lane lane, Invoke invoke) {
  postern_verdict verdict = POSTERN_ERROR;
  run_code(link, hook, lane, [&] { verdict = invoke(); });
  Pause& pause = pause_of(lane);
  pause.in_hook = false;
  if (verdict == POSTERN_SUSPEND) {
    verdict = after_suspend(link, hook, pause);
    if (verdict == POSTERN_SUSPEND) return verdict;
  }
  if (pause.link == &link) pause.number = 0;  // taken but not used, or already resumed
  return settle(link, hook, verdict);
}

// SUSPEND when the hook has a ticket that nobody has used yet.
postern_verdict Exchange::after_suspend(const Link& link, Hook hook, Pause& pause) {
  if (pause.number == 0 || pause.link != &link) {
    log_hook_problem(*link.instance, hook, "suspended without taking a ticket");
    return POSTERN_ERROR;
  }
  if (pause.resumed) return pause.verdict;
  arm_pause_deadline();
  return POSTERN_SUSPEND;
}

// What the verdict comes to after on_error and shadow mode: CONTINUE, RESPOND, ABORT or ERROR.
inline postern_verdict Exchange::settle(const Link& link, Hook hook, postern_verdict verdict) {
  if (verdict != POSTERN_CONTINUE) return settle_change(link, hook, verdict);
  pending_ = nullptr;
  return verdict;
}

postern_verdict Exchange::settle_change(const Link& link, Hook hook, postern_verdict verdict) {
  HookCounters& counters = plan_.counters(link);
  auto& per_hook = counters.hooks[static_cast<std::size_t>(hook)];
  if (const char* problem = problem_of(link, hook, verdict)) {
    log_hook_problem(*link.instance, hook, problem);
    verdict = POSTERN_ERROR;
  }
  if (verdict == POSTERN_ERROR) per_hook.errors.add(1);
  if (verdict == POSTERN_RESPOND) per_hook.responses.add(1);
  bool overlooked = link.instance->shadow || (verdict == POSTERN_ERROR && link.instance->fail_open);
  if (!overlooked) return verdict;
  if (link.instance->shadow) counters.shadowed.add(1);
  pending_ = nullptr;
  return POSTERN_CONTINUE;
}

// Why the hook cannot have said this; null when it can.
const char* Exchange::problem_of(const Link& link, Hook hook, postern_verdict verdict) const noexcept {
  if (verdict == POSTERN_ABORT || verdict == POSTERN_ERROR) return nullptr;
  if (verdict != POSTERN_RESPOND) return "answered with an unknown verdict";
  if (pending_ == nullptr && !link.instance->shadow) return "answered RESPOND without a response";
  return in_response_phase(hook) && makers_.has_answered(link) ? "answered a second time" : nullptr;
}

Exchange::Run Exchange::carry_out(const Link& link, Hook hook, postern_verdict verdict) {
  if (stage_ == Stage::done) return Run::ended;
  if (verdict == POSTERN_ABORT) {
    abort(POSTERN_END_ABORTED);
    return Run::ended;
  }
  if (verdict == POSTERN_RESPOND && pending_ != nullptr) {
    if (in_response_phase(hook)) makers_.answered(link);
    bool head_went_out = head_sent_;
    if (!head_went_out) commit_local_response();
    return hook == Hook::response ? Run::finished : Run::ended;
  }
  if (in_response_phase(hook)) makers_.failed(link);
  Error error{ErrorCode::internal_error, Origin::plugin,
              "plugin " + link.instance->name + " failed in " + std::string(name_of(hook))};
  if (head_sent_) {
    fail(error);
    return Run::ended;
  }
  drop_pauses();
  reply(error);
  return hook == Hook::response ? Run::finished : Run::ended;
}

bool Exchange::judge_condition(const Link& link) {
  std::int8_t& known = conditions_[link.position];
  if (known < 0) known = link.instance->when->holds(*this) ? 1 : 0;
  return known == 1;
}

// ---- Suspension ------------------------------------------------------------------------------------------------------

// Callbacks act for the hook that their instance suspended; those of an instance that suspended none act for nobody.
const Instance* Exchange::suspended() const noexcept {
  const Instance* caller = running_instance();
  for (const Pause& pause : pauses_)
    if (pause.number != 0 && (caller == nullptr || caller == pause.link->instance)) return pause.link->instance;
  return nullptr;
}

postern_status Exchange::pause(postern_ticket& ticket) {
  bool can = running_.link != nullptr && running_.hook != Hook::upstream_result && running_.hook != Hook::complete;
  if (!can || stage_ == Stage::done) return POSTERN_E_STATE;
  Pause& pause = pause_of(running_.lane);
  pause = Pause{};
  pause.number = ++pause_count_;
  pause.link = running_.link;
  pause.hook = running_.hook;
  pause.in_hook = true;
  pause.since_ns = worker_.loop().event_ns();
  ticket = {handle_, pause.number};
  return POSTERN_OK;
}

postern_status Exchange::resume(std::uint64_t number, postern_verdict verdict) {
  if (verdict == POSTERN_SUSPEND) return POSTERN_E_INVALID;
  for (std::size_t i = 0; i < 3; ++i) {
    Pause& pause = pauses_[i];
    if (number == 0 || pause.number != number) continue;
    if (pause.resumed) return POSTERN_E_GONE;
    if (pause.in_hook) {
      pause.resumed = true;
      pause.verdict = verdict;
      return POSTERN_OK;
    }
    continue_lane(static_cast<Lane>(i), verdict);
    return POSTERN_OK;
  }
  return POSTERN_E_GONE;
}

void Exchange::continue_lane(Lane lane, postern_verdict verdict) {
  Pause pause = pause_of(lane);
  pause_of(lane) = Pause{};
  auto& counters = plan_.counters(*pause.link).hooks[static_cast<std::size_t>(pause.hook)];
  counters.suspended_ns.add(system_clock().now_ns() - pause.since_ns);
  verdict = settle(*pause.link, pause.hook, verdict);
  if (lane == Lane::request_body) {
    upload_.resume(verdict);
    update_upload();
    return;
  }
  if (lane == Lane::response_body) {
    download_.resume(verdict);
    if (stage_ == Stage::relay && !download_.suspended()) on_client_drained();
    return;
  }
  waiting_ = false;
  if (verdict != POSTERN_CONTINUE && carry_out(*pause.link, pause.hook, verdict) == Run::ended &&
      stage_ == Stage::done) {
    return;
  }
  advance();
}

void Exchange::drop_pauses() noexcept {
  for (Pause& pause : pauses_) pause = Pause{};
  pause_deadline_.cancel();
}

void Exchange::arm_pause_deadline() {
  std::uint64_t now = system_clock().now_ns();
  std::uint64_t earliest = UINT64_MAX;
  for (const Pause& pause : pauses_) {
    if (pause.number == 0) continue;
    std::uint64_t due = pause.since_ns + pause.link->instance->timeout_ms * 1'000'000ull;
    earliest = std::min(earliest, due > now ? due - now : 0);
  }
  if (earliest != UINT64_MAX) worker_.loop().arm(pause_deadline_, earliest / 1'000'000 + 1);
}

void Exchange::on_pause_deadline(void* self) {
  auto* x = static_cast<Exchange*>(self);
  std::uint64_t now = system_clock().now_ns();
  for (std::size_t i = 0; i < 3; ++i) {
    const Pause& pause = x->pauses_[i];
    if (pause.number == 0) continue;
    if (pause.since_ns + pause.link->instance->timeout_ms * 1'000'000ull <= now) x->pause_is_over(static_cast<Lane>(i));
    if (x->stage_ == Stage::done) return;
  }
  x->arm_pause_deadline();
}

// A forgotten resume never hangs the request: 504, and the log says whose it was.
void Exchange::pause_is_over(Lane lane) {
  Pause pause = pause_of(lane);
  auto& counters = plan_.counters(*pause.link).hooks[static_cast<std::size_t>(pause.hook)];
  counters.deadlines.add(1);
  log_hook_problem(*pause.link->instance, pause.hook, "did not resume within its deadline");
  if (pause.link->instance->fail_open || pause.link->instance->shadow) return continue_lane(lane, POSTERN_CONTINUE);
  pause_of(lane) = Pause{};
  if (in_response_phase(pause.hook)) makers_.failed(*pause.link);
  fail({ErrorCode::timeout, Origin::plugin,
        "plugin " + pause.link->instance->name + " did not resume " + std::string(name_of(pause.hook)) +
            " within its deadline"});
}

// ---- Hooks without a verdict -----------------------------------------------------------------------------------------

void Exchange::run_upstream_result(const postern_upstream_result& result) {
  for (const Link& link : chain_->of(Hook::upstream_result))
    tell(link, Hook::upstream_result,
         [&] { link.instance->plugin->on_upstream_result(link.instance->data, slot(link), handle_, &result); });
}

void Exchange::run_complete(std::uint32_t end) {
  auto links = chain_->of(Hook::complete);
  if (links.empty()) return;
  postern_completion completion{};
  completion.struct_size = sizeof completion;
  completion.end = end;
  completion.status = head_sent_ ? response_->status : 0;
  completion.origin = origin_;
  completion.request_head_bytes = request_->wire_bytes;
  completion.request_body_bytes = request_body_bytes_;
  completion.response_head_bytes = head_sent_ ? response_->wire_bytes : 0;
  completion.response_body_bytes = response_body_bytes_;
  completion.duration_ns = worker_.loop().event_ns() - started_ns_;
  completion.upstream_duration_ns = upstream_duration_ns_;
  completion.upstream_connect_ns = upstream_connect_ns_;
  completion.attempts = attempts_;
  completion.error_code_view = {error_code_.data(), error_code_.size()};
  completion.error_cause_view = {error_cause_.data(), error_cause_.size()};
  for (const Link& link : links)
    tell(link, Hook::complete,
         [&] { link.instance->plugin->on_complete(link.instance->data, slot(link), handle_, &completion); });
}

}  // namespace postern::proxy
