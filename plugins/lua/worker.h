// One script instance on one worker: the state in use, states that end their last tasks, and the queue of tasks that gave
// up the thread for a turn of the loop.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "expressions.h"
#include "state.h"

namespace postern::lua {

class Worker {
 public:
  // `expressions`: the instance's, which outlives it.
  Worker(postern_instance instance, std::uint32_t index, const Expressions& expressions)
      : instance_(instance), index_(index), expressions_(expressions) {}

  // Loads the script and gives it its configuration.
  Result<void> start(Sources& sources, const Limits& limits, postern_node config);
  void stop();

  postern_instance instance() const { return instance_; }
  std::uint32_t index() const { return index_; }
  const Expressions& expressions() const { return expressions_; }
  State* state() const { return state_.get(); }  // null before start and after stop

  // Goes on with the task in the next turn of the loop. False when the worker is stopping.
  bool wake_later(Task* task);
  void forget(Task* task);
  // Replaces a state that has hit its memory limit and deletes those that nobody needs any more. Not while a task runs.
  void tidy();

 private:
  Result<std::unique_ptr<State>> make_state();
  static void on_turn(void* self);

  postern_instance instance_;
  std::uint32_t index_;
  const Expressions& expressions_;
  Sources* sources_ = nullptr;
  Limits limits_;
  postern_node config_ = nullptr;
  std::unique_ptr<State> state_;
  std::vector<std::unique_ptr<State>> draining_;
  std::vector<Task*> waiting_;
  bool posted_ = false;
};

}  // namespace postern::lua
