#include "client/connection_hooks.h"

#include <string>
#include <utility>

#include "base/clock.h"
#include "exchange/plugin_frame.h"
#include "exchange/worker_context.h"

namespace postern::proxy {

ConnectionHooks::~ConnectionHooks() {
  if (plan_ != nullptr) plan_->unpin();
}

ConnectionHooks::Outcome ConnectionHooks::start() {
  WorkerPlan* plan = worker_.plan();
  if (plan->plan().gateway_chain.of(Hook::connection).empty()) return Outcome::admitted;
  plan_ = plan;
  plan_->pin();
  return run();
}

ConnectionHooks::Outcome ConnectionHooks::run() {
  auto links = plan_->plan().gateway_chain.of(Hook::connection);
  while (next_ < links.size()) {
    link_ = &links[next_++];
    postern_verdict verdict = call(*link_);
    if (verdict == POSTERN_SUSPEND) return Outcome::waiting;
    if (judge(*link_, verdict) == Outcome::refused) return end(Outcome::refused);
  }
  return end(Outcome::admitted);
}

ConnectionHooks::Outcome ConnectionHooks::end(Outcome outcome) noexcept {
  std::exchange(plan_, nullptr)->unpin();
  return outcome;
}

// SUSPEND only when the connection really has to wait.
postern_verdict ConnectionHooks::call(const Link& link) {
  in_hook_ = true;
  resumed_ = false;
  postern_verdict verdict = invoke(link);
  in_hook_ = false;
  if (verdict == POSTERN_SUSPEND && pause_ != 0 && !resumed_) return verdict;
  pause_ = 0;  // taken but not used, or resumed
  if (verdict == POSTERN_SUSPEND && resumed_) return verdict_;
  if (verdict != POSTERN_SUSPEND) return verdict;
  log_hook_problem(*link.instance, Hook::connection, "suspended without taking a ticket");
  return POSTERN_ERROR;
}

postern_verdict ConnectionHooks::invoke(const Link& link) {
  const Instance& instance = *link.instance;
  PluginFrame frame(instance, Hook::connection, nullptr, 0, plan_->counters(link).of(Hook::connection));
  try {
    postern_verdict verdict = instance.plugin->on_connection(instance.data, connection_);
    return frame.failed() ? POSTERN_ERROR : verdict;
  } catch (...) {
    log_hook_problem(instance, Hook::connection, text_of_thrown());
    return POSTERN_ERROR;
  }
}

ConnectionHooks::Outcome ConnectionHooks::judge(const Link& link, postern_verdict verdict) {
  if (verdict == POSTERN_CONTINUE) return Outcome::waiting;
  const Instance& instance = *link.instance;
  HookCounters& counters = plan_->counters(link);
  if (verdict != POSTERN_ABORT && verdict != POSTERN_ERROR) {
    log_hook_problem(instance, Hook::connection, "a connection can be admitted or aborted, nothing else");
    verdict = POSTERN_ERROR;
  }
  if (verdict == POSTERN_ERROR) counters.of(Hook::connection).errors.add(1);
  if (instance.shadow) counters.shadowed.add(1);
  bool overlooked = instance.shadow || (verdict == POSTERN_ERROR && instance.fail_open);
  return overlooked ? Outcome::waiting : Outcome::refused;
}

// ---- Suspension ------------------------------------------------------------------------------------------------------

postern_status ConnectionHooks::pause(postern_ticket& ticket) {
  const PluginFrame* frame = PluginFrame::top();
  bool its_hook = in_hook_ && frame != nullptr && frame->instance() == link_->instance;
  if (!its_hook) return POSTERN_E_STATE;
  pause_ = ++pauses_;
  since_ns_ = system_clock().now_ns();
  ticket = {connection_, pause_};
  return POSTERN_OK;
}

bool ConnectionHooks::resume(std::uint64_t pause, postern_verdict verdict) noexcept {
  if (pause == 0 || pause != pause_ || resumed_) return false;
  resumed_ = true;
  verdict_ = verdict;
  return true;
}

ConnectionHooks::Outcome ConnectionHooks::go_on() {
  pause_ = 0;
  resumed_ = false;
  auto& counters = plan_->counters(*link_).of(Hook::connection);
  counters.suspended_ns.add(system_clock().now_ns() - since_ns_);
  if (judge(*link_, verdict_) == Outcome::refused) return end(Outcome::refused);
  return run();
}

std::uint64_t ConnectionHooks::patience_ms() const noexcept { return link_->instance->timeout_ms; }

ConnectionHooks::Outcome ConnectionHooks::deadline() {
  if (resumed_) return Outcome::waiting;  // it goes on in a moment
  plan_->counters(*link_).of(Hook::connection).deadlines.add(1);
  log_hook_problem(*link_->instance, Hook::connection, "did not resume within its deadline");
  verdict_ = POSTERN_ERROR;
  return go_on();
}

}  // namespace postern::proxy
