#include "worker.h"

#include <algorithm>

#include "fence.h"
#include "host.h"
#include "report.h"
#include "scheduler.h"

namespace postern::lua {

Result<void> Worker::start(Sources& sources, const Limits& limits, postern_node config) {
  sources_ = &sources;
  limits_ = limits;
  config_ = config;
  auto state = make_state();
  if (!state) return tl::unexpected(state.error());
  state_ = std::move(*state);
  return {};
}

void Worker::stop() {
  waiting_.clear();
  draining_.clear();
  state_.reset();
}

Result<std::unique_ptr<State>> Worker::make_state() {
  auto state = State::load(*sources_, limits_, this);
  if (!state) return state;
  if (auto set = (*state)->set_config(config_); !set) return tl::unexpected(set.error());
  return state;
}

bool Worker::wake_later(Task* task) {
  if (!posted_ && host().loop->post(instance_, index_, on_turn, this) != POSTERN_OK) return false;
  posted_ = true;
  waiting_.push_back(task);
  return true;
}

void Worker::forget(Task* task) { std::erase(waiting_, task); }

// May come after stop(): the queue is empty then. One at a time, because what runs may forget() another.
void Worker::on_turn(void* self) {
  Worker& worker = *static_cast<Worker*>(self);
  worker.posted_ = false;
  for (std::size_t left = worker.waiting_.size(); left > 0 && !worker.waiting_.empty(); --left) {
    Task* task = worker.waiting_.front();
    worker.waiting_.erase(worker.waiting_.begin());
    fenced(worker.instance_, [&] { wake(task, 0); });
  }
}

void Worker::tidy() {
  std::erase_if(draining_, [](const auto& state) { return !state->pinned(); });
  if (state_ == nullptr || !state_->exhausted()) return;
  auto fresh = make_state();
  if (!fresh) return report(instance_, POSTERN_LOG_ERROR, "no fresh state after the memory limit: " + fresh.error());
  state_->retire();
  if (state_->pinned()) draining_.push_back(std::move(state_));
  state_ = std::move(*fresh);
  report(instance_, POSTERN_LOG_WARN, "memory limit reached: the script starts afresh on this worker");
  start_script(*state_);
}

}  // namespace postern::lua
