// What happened to an exchange, hook by hook and attempt by attempt. Kept only where an instance of the chain has declared that it reads it.
#pragma once

#include <postern/abi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "plan/chain.h"

namespace postern::proxy {

class Trail {
 public:
  static constexpr std::size_t kMaxSteps = 256;
  static constexpr std::size_t kNoStep = kMaxSteps;

  explicit Trail(std::uint32_t what) : what_(what) {}

  // A hook of `link` begins. A body hook is one step, however often it is called. kNoStep: not kept.
  std::size_t begin(const Link& link, Hook hook, std::uint64_t now_ns);
  std::size_t last_of(const Instance& instance) const noexcept;  // its latest hook
  std::size_t last_of(const Instance& instance, Hook hook) const noexcept;
  postern_step* at(std::size_t step) noexcept { return step < steps_.size() ? &steps_[step] : nullptr; }
  void attempt(const postern_upstream_result& result, std::uint64_t now_ns);

  std::span<const postern_step> steps(std::uint64_t first, std::uint64_t most) const noexcept;

 private:
  template <class Is>
  std::size_t last(Is is) const noexcept;
  std::size_t add(const postern_step& step);

  const std::uint32_t what_;  // POSTERN_TRAIL_*
  std::vector<postern_step> steps_;
};

}  // namespace postern::proxy
