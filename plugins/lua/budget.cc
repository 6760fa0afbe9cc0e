#include "budget.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "state.h"
#include "task.h"

namespace postern::lua {
namespace {

constexpr std::uint64_t kBytesPerInstruction = 64;
constexpr std::uint64_t kLookAfterBytes = 1u << 20;

void on_count(lua_State* L, lua_Debug*);

// From here on every instruction fails, in pcall, in close handlers, wherever the script may try to go on.
// `level` 0: L's top function is the script's, which a hook has interrupted; 1: it is a C function that the script called.
void kill(lua_State* L, Task& task, std::uint64_t limit, int level) {
  task.killed = true;
  lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
  luaL_where(L, level);
  lua_pushfstring(L, "stopped: %s used more than its %I instructions", phase_name(task.phase),
                  static_cast<lua_Integer>(limit));
  lua_concat(L, 2);
  lua_error(L);
}

void spend(lua_State* L, Task& task, std::uint64_t instructions, int level) {
  const Limits& limits = task.state->limits();
  *task.spent += instructions;
  task.spent_in_resume += instructions;
  task.computing.note(instructions);
  if (task.killed || *task.spent > limits.per_exchange) kill(L, task, limits.per_exchange, level);
  if (!task.may_suspend && !task.unhurried && task.spent_in_resume > limits.per_resume)
    kill(L, task, limits.per_resume, level);
}

void on_count(lua_State* L, lua_Debug*) {
  Task& task = Task::of(L);
  Memory& memory = task.state->memory();
  const int counted = lua_gethookcount(L);
  if (counted != memory.count_step() && !task.killed) count_instructions(L);
  spend(L, task, static_cast<std::uint64_t>(counted) + memory.take_work(), 0);
  spend(L, task, task.computing.take(), 0);
  // Inside a C function (a sort's comparison) a coroutine cannot yield; it will soon be outside again.
  if (task.may_suspend && task.spent_in_resume > task.state->limits().per_resume && lua_isyieldable(L)) {
    task.pending = Pending::turn;
    lua_yield(L, 0);
  }
}

}  // namespace

void* Memory::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
  Memory& memory = *static_cast<Memory*>(self);
  if (block == nullptr) old_size = 0;  // then it is the kind of object that is wanted, not a size
  if (new_size == 0) {
    std::free(block);
    memory.used_ -= old_size;
    memory.note_large(old_size, 0);
    return nullptr;
  }
  if (new_size > old_size) {
    if (memory.used_ - old_size + new_size > memory.limit_ + memory.slack_) return nullptr;
    memory.note_work(new_size);
  }
  void* moved = std::realloc(block, new_size);
  if (moved == nullptr) return nullptr;
  memory.used_ += new_size - old_size;
  memory.note_large(old_size, new_size);
  return moved;
}

void Memory::note_work(std::size_t bytes) {
  worked_bytes_ += bytes;
  if (worked_bytes_ >= kLookAfterBytes) look_soon();
}

void Memory::look_soon() {
  if (running_ != nullptr) lua_sethook(running_, on_count, LUA_MASKCOUNT, 1);
}

void Memory::note_large(std::size_t old_size, std::size_t new_size) {
  if (old_size < kLargeBlock && new_size < kLargeBlock) return;
  auto size_class = [](std::size_t size) {
    return std::min<std::size_t>(std::bit_width(size / kLargeBlock) - 1, kSizeClasses - 1);
  };
  if (old_size >= kLargeBlock) --large_blocks_[size_class(old_size)];
  if (new_size >= kLargeBlock) ++large_blocks_[size_class(new_size)];
  std::size_t classes = kSizeClasses;
  while (classes > 0 && large_blocks_[classes - 1] == 0) --classes;
  const int before = step_;
  step_ = std::max(1, kCountStep >> classes);
  if (step_ < before) look_soon();
}

void Memory::watch(lua_State* running) {
  running_ = running;
  worked_bytes_ = 0;
}

std::uint64_t Memory::take_work() {
  std::uint64_t instructions = worked_bytes_ / kBytesPerInstruction;
  worked_bytes_ %= kBytesPerInstruction;
  return instructions;
}

void count_instructions(lua_State* coroutine) {
  lua_sethook(coroutine, on_count, LUA_MASKCOUNT, Task::of(coroutine).state->memory().count_step());
}

void charge(lua_State* L, std::uint64_t instructions) { spend(L, Task::of(L), instructions, 1); }

}  // namespace postern::lua
