// What a script may use up, and the accounting of it: instructions by a count hook (and by the time they take), memory by
// the allocator. Neither can be caught by the script's pcall.
#pragma once

#include <lua.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace postern::lua {

struct Task;

struct Limits {
  // Instructions in one go; then the coroutine yields for a turn of the loop. In hooks that may not suspend: all there is.
  std::uint64_t per_resume = 100'000;
  std::uint64_t per_exchange = 10'000'000;  // all hooks of one exchange together; also of one timer call
  std::size_t memory = 16u << 20;           // bytes of one state
};

// Bounds of what a script may ask for in its `limits` table.
inline constexpr Limits kMinLimits{1'000, 1'000, 256u << 10};
inline constexpr Limits kMaxLimits{10'000'000, 1'000'000'000, 256u << 20};

// Instructions between two looks at the budget; what a short hook uses below that is not counted. Fewer while the state
// holds large blocks: see Memory::count_step().
inline constexpr int kCountStep = 1'000;

// The memory of one state. Lives longer than the lua_State that allocates through it.
class Memory {
 public:
  explicit Memory(std::size_t limit) : limit_(limit) {}
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);  // lua_Alloc

  std::size_t used() const { return used_; }
  // Copying memory is work that no instruction count sees: allocated bytes since the last call, in instructions.
  std::uint64_t take_work();
  // Instructions until the next look. A single one (a comparison, `next`) may work through the largest block of the
  // state, so the step shrinks with it: some milliseconds between two looks at the very most.
  int count_step() const { return step_; }
  // Lets the bridge itself finish an error report after the limit was hit.
  void allow_beyond_limit(std::size_t bytes) { slack_ = bytes; }
  // Whose work allocations are from here on, and whose count hook to call early when there are many of them before the
  // next look; null: nobody runs. What was allocated before is nobody's work.
  void watch(lua_State* running);

 private:
  // Blocks of at least kLargeBlock by powers of two: [0] is up to twice that.
  static constexpr std::size_t kLargeBlock = 64u << 10;
  static constexpr std::size_t kSizeClasses = 16;

  void note_work(std::size_t bytes);
  void note_large(std::size_t old_size, std::size_t new_size);
  void look_soon();

  std::size_t limit_;
  std::size_t slack_ = 0;
  std::size_t used_ = 0;
  std::uint64_t worked_bytes_ = 0;
  std::array<std::uint32_t, kSizeClasses> large_blocks_{};
  int step_ = kCountStep;
  lua_State* running_ = nullptr;
};

// Sets the count hook of a coroutine and begins to count at zero. Lua itself counts on from one resume to the next, so
// every new run in a pooled coroutine needs this: else it pays for the runs before it.
void count_instructions(lua_State* coroutine);

// Adds work that is done in C to the running task's budget. Raises a Lua error when that is used up.
void charge(lua_State* L, std::uint64_t instructions);

}  // namespace postern::lua
