#include "instance.h"

#include <algorithm>

#include "declarations.h"
#include "host.h"
#include "report.h"
#include "scheduler.h"

namespace postern::lua {

Instance::Instance(Script& script, postern_instance instance, postern_node config)
    : script_(script), instance_(instance), config_(config) {
  const std::uint32_t count = std::max(1u, host().loop->worker_count());
  for (std::uint32_t i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>(instance, i, expressions_));
}

postern_status Instance::refuse(const std::string& text, postern_node node) {
  host().instance->config_error(instance_, node, to_str(text));
  return POSTERN_E_INVALID;
}

postern_status Instance::configure() {
  auto state = State::load(script_.sources(), script_.limits(), nullptr);
  if (!state) return refuse(state.error());
  if (auto set = (*state)->set_config(config_); !set) return refuse(set.error());
  Task* task = (*state)->take(Phase::configure);
  if (task == nullptr) return refuse("not enough memory for the script");
  lua_pushcfunction(task->coroutine, declare_all);
  lua_pushlightuserdata(task->coroutine, instance_);
  lua_pushlightuserdata(task->coroutine, &expressions_);
  if ((*state)->resume(task, 2) != LUA_OK) return refuse((*state)->describe_error(task->coroutine).message);
  (*state)->give_back(task, true);
  return ask_script(**state);
}

// on_configure(config) returns nothing, or what is wrong and the key it is about.
postern_status Instance::ask_script(State& state) {
  Task* task = state.take(Phase::configure);
  if (task == nullptr) return refuse("not enough memory for the script");
  lua_State* L = task->coroutine;
  if (!state.push_function(L, Phase::configure)) return POSTERN_OK;
  state.push_config(L);
  if (state.resume(task, 1) != LUA_OK) return refuse(state.describe_error(L).message);
  if (lua_type(L, 1) != LUA_TSTRING) return POSTERN_OK;
  postern_node node = nullptr;
  if (lua_type(L, 2) == LUA_TSTRING) node = host().config->get(config_, to_str(lua_tostring(L, 2)));
  return refuse(lua_tostring(L, 1), node);
}

postern_status Instance::start_worker(std::uint32_t index) {
  if (index >= workers_.size()) return POSTERN_E_INVALID;
  Worker& worker = *workers_[index];
  if (auto started = worker.start(script_.sources(), script_.limits(), config_); !started) {
    report(instance_, POSTERN_LOG_ERROR, started.error());
    return POSTERN_E_FAILED;
  }
  return start_script(*worker.state());
}

void Instance::stop_worker(std::uint32_t index) {
  if (index < workers_.size()) workers_[index]->stop();
}

Worker* Instance::worker() const {
  const std::int32_t index = host().loop->worker();
  if (index < 0 || static_cast<std::size_t>(index) >= workers_.size()) return nullptr;
  Worker* worker = workers_[static_cast<std::size_t>(index)].get();
  return worker->state() == nullptr ? nullptr : worker;
}

}  // namespace postern::lua
