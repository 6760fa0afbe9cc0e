#include "exchange/chain_run.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "base/clock.h"
#include "exchange/plugin_frame.h"

namespace postern::proxy {
namespace {

bool in_request_phase(Hook hook) { return hook == Hook::request_early || hook == Hook::request; }
bool has_verdict(Hook hook) { return hook != Hook::upstream_result && hook != Hook::complete; }
bool in_response_phase(Hook hook) { return hook == Hook::response || hook == Hook::response_body; }

const char* id_of(const RoutePlan* route) noexcept { return route != nullptr ? route->config->id.c_str() : nullptr; }

}  // namespace

void ChainRun::use(const Chain& chain) {
  if (chain_ == nullptr) {
    gateway_slots_size_ = chain.slots_size();
    gateway_slots_ = zeroed_slots(gateway_slots_size_);
  } else {
    route_slots_ = zeroed_slots(chain.slots_size() - gateway_slots_size_);
  }
  chain_ = &chain;
  if (chain.trail() != 0 && trail_ == nullptr) trail_ = std::make_unique<Trail>(chain.trail());
  if (chain.has_conditions()) conditions_.resize(chain.links().size(), kUnasked);
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
  counters(link, hook).body_bytes.add(bytes.size());
  return call(link, hook, upload ? Lane::request_body : Lane::response_body, [&] {
    return run(link.instance->data, slot(link), x_.handle, {bytes.data(), bytes.size()}, flags);
  });
}

// Runs code of the instance. False when it threw, which is logged, or said that it failed.
template <class Code>
inline bool ChainRun::run_code(const Link& link, Hook hook, Lane lane, Code code) {
  // A body hook can run while a head hook's callback is on the stack.
  const Running outer = std::exchange(running_, {&link, hook, lane});
  bool noted = trail_ != nullptr && hook != Hook::complete;  // the trail is read there
  bool returned = !noted ? run_fenced(link, hook, nullptr, code) : run_noted(link, hook, code);
  running_ = outer;
  if (resumed_by_hook_) go_on_behind_hook();
  return returned;
}

template <class Code>
inline bool ChainRun::run_fenced(const Link& link, Hook hook, std::uint64_t* ran_ns, Code code) {
  PluginFrame frame(*link.instance, hook, id_of(x_.route), x_.handle, counters(link, hook), ran_ns);
  try {
    code();
    return !frame.failed();
  } catch (...) {
    log_hook_problem(*link.instance, hook, text_of_thrown());
    return false;
  }
}

template <class Code>
bool ChainRun::run_noted(const Link& link, Hook hook, Code code) {
  const std::size_t step = trail_->begin(link, hook, since_start_ns());
  std::uint64_t ran_ns = 0;
  bool returned = run_fenced(link, hook, &ran_ns, code);
  if (postern_step* noted = trail_->at(step)) noted->ran_ns += ran_ns;
  return returned;
}

// Calls one hook and answers with a verdict that has been judged; SUSPEND only when the exchange really has to wait.
template <class Invoke>
inline postern_verdict ChainRun::call(const Link& link, Hook hook, Lane lane, Invoke invoke) {
  if (is_unjudged(link)) return refuse_unjudged(link, hook);
  postern_verdict verdict = POSTERN_ERROR;
  if (!run_code(link, hook, lane, [&] { verdict = invoke(); })) verdict = POSTERN_ERROR;
  Pause none;
  Pause& pause = pause_of(lane).in_hook ? pause_of(lane) : none;  // else a hook of what came in its place waits there
  pause.in_hook = false;
  if (verdict == POSTERN_SUSPEND) {
    verdict = after_suspend(link, hook, pause);
    if (verdict == POSTERN_SUSPEND) return verdict;
  }
  if (pause.link == &link) pause.number = 0;  // taken but not used, or already resumed
  const postern_verdict judged = judge(link, hook, verdict);
  if (trail_ != nullptr) note_verdict(link, hook, verdict, judged);
  return judged;
}

// For a hook without a verdict: its error shows in its counters alone.
template <class Code>
inline void ChainRun::tell(const Link& link, Hook hook, Code code) {
  if (!condition_holds(link) || is_unjudged(link) || run_code(link, hook, Lane::head, code)) return;
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
  if (known == kUnasked) {
    Condition::Answer answer = link.instance->when->holds(x_.variables);
    known = answer == Condition::Answer::yes ? kYes : answer == Condition::Answer::no ? kNo : kUnjudged;
  }
  return known != kNo;
}

// The exchange fails, once and whatever on_error says, so that no client can have a guard passed over. In shadow mode the
// instance would change nothing, and neither does this.
postern_verdict ChainRun::refuse_unjudged(const Link& link, Hook hook) {
  conditions_[link.position] = kNo;
  log_hook_problem(*link.instance, hook, "was not called: its `when` could not be judged");
  counters(link, hook).errors.add(1);
  return link.instance->shadow ? POSTERN_CONTINUE : POSTERN_ERROR;
}

// ---- Who acts --------------------------------------------------------------------------------------------------------

// In the hook itself, or in a callback of an instance that has suspended one. A callback acts for no other.
std::size_t ChainRun::acting_lane() const noexcept {
  const PluginFrame* frame = PluginFrame::top();
  const Instance* caller = frame != nullptr ? frame->instance() : nullptr;
  if (caller == nullptr) return kNobody;
  const bool runs = running_.link != nullptr && running_.link->instance == caller;
  if (runs && has_verdict(running_.hook)) return static_cast<std::size_t>(running_.lane);
  for (std::size_t i = 0; i < kLanes; ++i)
    if (pauses_[i].number != 0 && !pauses_[i].resumed && pauses_[i].link->instance == caller) return i;
  return runs ? static_cast<std::size_t>(running_.lane) : kNobody;
}

const Instance* ChainRun::acting() const noexcept {
  return acting_lane() != kNobody ? PluginFrame::top()->instance() : nullptr;
}

bool ChainRun::acts_in(Lane lane) const noexcept { return acting_lane() == static_cast<std::size_t>(lane); }

LocalAnswer* ChainRun::answer() const noexcept {
  const std::size_t lane = acting_lane();
  return lane != kNobody ? answers_[lane].given : nullptr;
}

bool ChainRun::may_answer() const noexcept {
  const std::size_t lane = acting_lane();
  if (lane == kNobody || !host_.takes_answer()) return false;
  return pauses_[lane].number != 0 || has_verdict(running_.hook);
}

void ChainRun::set_answer(const LocalAnswer& answer) {
  answers_[acting_lane()] = {new (x_.arena.allocate(sizeof(LocalAnswer))) LocalAnswer(answer), false};
}

void ChainRun::refuse_answer() { answers_[acting_lane()] = {nullptr, true}; }

// ---- Verdicts --------------------------------------------------------------------------------------------------------

// What the verdict comes to after on_error and shadow mode: CONTINUE, RESPOND, ABORT or ERROR.
inline postern_verdict ChainRun::judge(const Link& link, Hook hook, postern_verdict verdict) {
  if (verdict == POSTERN_CONTINUE && answer_of(hook).empty()) return verdict;
  return judge_change(link, hook, verdict);
}

// A hook that called respond() has answered, whatever else it said: nobody is let in who has been refused.
postern_verdict ChainRun::judge_change(const Link& link, Hook hook, postern_verdict verdict) {
  Answer& answer = answer_of(hook);
  if (verdict == POSTERN_ERROR) counters(link, hook).errors.add(1);
  if (answer.given != nullptr && verdict != POSTERN_ABORT) verdict = POSTERN_RESPOND;
  if (answer.refused && verdict != POSTERN_ABORT) verdict = POSTERN_ERROR;
  if (const char* problem = problem_of(link, hook, verdict)) {
    log_hook_problem(*link.instance, hook, problem);
    counters(link, hook).errors.add(1);
    verdict = POSTERN_ERROR;
  }
  if (verdict == POSTERN_RESPOND) counters(link, hook).responses.add(1);
  bool fails_open = verdict == POSTERN_ERROR && link.instance->fail_open && !answer.refused;
  if (verdict != POSTERN_RESPOND) answer = {};
  if (!link.instance->shadow && !fails_open) return verdict;
  if (link.instance->shadow) x_.plan.counters(link).shadowed.add(1);
  return POSTERN_CONTINUE;
}

// Why the hook cannot have said this; null when it can.
const char* ChainRun::problem_of(const Link& link, Hook hook, postern_verdict verdict) noexcept {
  if (verdict == POSTERN_CONTINUE || verdict == POSTERN_ABORT || verdict == POSTERN_ERROR) return nullptr;
  if (verdict != POSTERN_RESPOND) return "answered with an unknown verdict";
  if (answer_of(hook).given == nullptr && !link.instance->shadow) return "answered RESPOND without a response";
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
    host_.on_answer(*std::exchange(answer_of(hook), {}).given);
  } else {
    answer_of(hook) = {};
    if (in_response_phase(hook)) makers_.failed(link);
    host_.on_hook_failure({ErrorCode::internal_error, Origin::plugin,
                           "plugin " + link.instance->name + " failed in " + std::string(name_of(hook))});
  }
  return hook == Hook::response && !over_ ? Run::finished : Run::ended;
}

// ---- What happened ---------------------------------------------------------------------------------------------------

std::uint64_t ChainRun::since_start_ns() const noexcept { return x_.loop().clock().now_ns() - x_.started_ns; }

void ChainRun::note_verdict(const Link& link, Hook hook, postern_verdict wanted, postern_verdict judged,
                            std::uint64_t suspended_ns) {
  postern_step* step = trail_->at(trail_->last_of(*link.instance, hook));
  if (step == nullptr) return;
  step->wanted = wanted;
  step->verdict = judged;
  step->suspended_ns += suspended_ns;
}

void ChainRun::note_answer(std::uint32_t status) {
  if (trail_ == nullptr) return;
  if (postern_step* step = trail_->at(trail_->last_of(*acting()))) step->status = status;
}

void ChainRun::note_callback(const Instance& instance, std::uint64_t ran_ns) {
  if (trail_ == nullptr) return;
  if (postern_step* step = trail_->at(trail_->last_of(instance))) step->ran_ns += ran_ns;
}

void ChainRun::count_replaced(Lane lane, std::size_t bytes) {
  const Link* link = running_.link != nullptr ? running_.link : pause_of(lane).link;
  counters(*link, lane == Lane::request_body ? Hook::request_body : Hook::response_body).replaced_bytes.add(bytes);
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

postern_status ChainRun::pause(postern_ticket& ticket) {
  bool can = running_.link != nullptr && has_verdict(running_.hook);
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

ChainRun::Pause* ChainRun::pause_of(std::uint64_t number) noexcept {
  auto waits = [&](const Pause& pause) { return number != 0 && pause.number == number && !pause.resumed; };
  Pause* found = std::find_if(pauses_, pauses_ + kLanes, waits);
  return found != pauses_ + kLanes ? found : nullptr;
}

postern_status ChainRun::wait_longer(std::uint64_t number, std::uint32_t wait_ms) {
  Pause* pause = pause_of(number);
  if (pause == nullptr) return POSTERN_E_GONE;
  if (wait_ms > POSTERN_LONGEST_WAIT_MS - pause->wait_ms) return POSTERN_E_LIMIT;
  pause->wait_ms += wait_ms;
  if (!pause->in_hook) arm_pause_deadline();
  return POSTERN_OK;
}

postern_status ChainRun::resume(std::uint64_t number, postern_verdict verdict) {
  if (verdict == POSTERN_SUSPEND) return POSTERN_E_INVALID;
  Pause* pause = pause_of(number);
  if (pause == nullptr) return POSTERN_E_GONE;
  pause->resumed = true;
  pause->verdict = verdict;
  if (verdict == POSTERN_RESPOND) take_answer_along(static_cast<std::size_t>(pause - pauses_));
  if (pause->in_hook) return POSTERN_OK;
  resumed_by_hook_ = running_.link != nullptr;
  if (!resumed_by_hook_) host_.on_resumed(number);
  return POSTERN_OK;
}

// One hook of an instance may answer for another that it has suspended: with RESPOND the answer goes where the pause is.
void ChainRun::take_answer_along(std::size_t to) {
  const std::size_t from = acting_lane();
  bool same = from != kNobody && from != to && acting() == pauses_[to].link->instance;
  if (same && answers_[to].empty()) answers_[to] = std::exchange(answers_[from], {});
}

// A hook of this exchange has resumed others of it: what they have decided counts before its own verdict, and before anything goes out.
void ChainRun::go_on_behind_hook() {
  resumed_by_hook_ = false;
  for (const Pause& pause : pauses_)
    if (pause.resumed && !pause.in_hook) go_on(pause.number);
}

void ChainRun::go_on(std::uint64_t number) {
  for (std::size_t i = 0; i < kLanes; ++i)
    if (number != 0 && pauses_[i].number == number && pauses_[i].resumed)
      return continue_lane(static_cast<Lane>(i), pauses_[i].verdict);
}

void ChainRun::fail_pauses_of(const Instance& instance) {
  for (const Pause& pause : pauses_)
    if (pause.number != 0 && !pause.in_hook && pause.link->instance == &instance) resume(pause.number, POSTERN_ERROR);
}

void ChainRun::continue_lane(Lane lane, postern_verdict verdict) {
  const Pause pause = std::exchange(pause_of(lane), {});
  const std::uint64_t suspended_ns = x_.loop().clock().now_ns() - pause.since_ns;
  counters(*pause.link, pause.hook).suspended_ns.add(suspended_ns);
  const postern_verdict wanted = std::exchange(verdict, judge(*pause.link, pause.hook, verdict));
  if (trail_ != nullptr) note_verdict(*pause.link, pause.hook, wanted, verdict, suspended_ns);
  if (lane == Lane::head && verdict != POSTERN_CONTINUE) {
    carry_out(*pause.link, pause.hook, verdict);
    return;
  }
  host_.on_resume(lane, verdict);
}

void ChainRun::forget_all() noexcept {
  for (Pause& pause : pauses_) pause = Pause{};
  pause_deadline_.cancel();
  for (Answer& answer : answers_) answer = {};
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
    if (pause.number == 0 || pause.resumed) continue;
    std::uint64_t due = pause.due_ns();
    earliest = std::min(earliest, due > now ? due - now : 0);
  }
  if (earliest != UINT64_MAX) x_.loop().arm(pause_deadline_, earliest / 1'000'000 + 1);
}

void ChainRun::on_pause_deadline(void* self) { static_cast<ChainRun*>(self)->end_overdue_pauses(); }

void ChainRun::end_overdue_pauses() {
  std::uint64_t now = x_.loop().clock().now_ns();
  for (std::size_t i = 0; i < kLanes; ++i) {
    if (pauses_[i].number == 0 || pauses_[i].resumed) continue;
    if (pauses_[i].due_ns() <= now) pause_is_over(static_cast<Lane>(i));
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
  if (instance.fail_open || instance.shadow || !answer_of(pause.hook).empty())
    return continue_lane(lane, POSTERN_CONTINUE);  // what it has answered counts
  pause_of(lane) = Pause{};
  if (in_response_phase(pause.hook)) makers_.failed(*pause.link);
  host_.on_hook_failure(
      {ErrorCode::timeout, Origin::plugin,
       "plugin " + instance.name + " did not resume " + std::string(name_of(pause.hook)) + " within its deadline"});
}

}  // namespace postern::proxy
