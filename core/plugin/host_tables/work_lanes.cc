#include "plugin/host_tables/work_lanes.h"

namespace postern::plugin {
namespace {

constexpr std::uint32_t kOwnWidth = 4;
constexpr std::uint32_t kOwnBound = 1024;

constexpr std::size_t kMaxNamed = 64;
constexpr std::size_t kMaxName = 64;
constexpr std::uint32_t kMaxWidth = 16;
constexpr std::uint32_t kMaxBound = 100'000;

bool is_valid(std::string_view name, std::uint32_t width, std::uint32_t bound) {
  return !name.empty() && name.size() <= kMaxName && width >= 1 && width <= kMaxWidth && bound >= 1 &&
         bound <= kMaxBound;
}

}  // namespace

void WorkLane::widen(std::uint32_t width, std::uint32_t bound) {
  lane_->widen(width);
  std::uint32_t now = bound_;
  while (now < bound && !bound_.compare_exchange_weak(now, bound)) {
  }
}

bool WorkLane::enter() noexcept {
  if (waiting_.fetch_add(1, std::memory_order_relaxed) < bound_.load(std::memory_order_relaxed)) return true;
  leave();
  return false;
}

WorkLanes& WorkLanes::of_process() {
  static WorkLanes& lanes = *new WorkLanes;  // never destroyed: threads of the pool may outlive everything else
  return lanes;
}

std::uint32_t WorkLanes::name(std::string_view name, std::uint32_t width, std::uint32_t bound) {
  if (!is_valid(name, width, bound)) return 0;
  std::lock_guard lock(mutex_);
  if (auto found = numbers_.find(name); found != numbers_.end()) {
    named_[found->second - 1].widen(width, bound);
    return found->second;
  }
  if (named_.size() == kMaxNamed) return 0;
  named_.emplace_back(width, bound);
  const auto number = static_cast<std::uint32_t>(named_.size());
  numbers_.emplace(name, number);
  return number;
}

WorkLane* WorkLanes::named(std::uint32_t number) {
  std::lock_guard lock(mutex_);
  return number == 0 || number > named_.size() ? nullptr : &named_[number - 1];
}

WorkLane& WorkLanes::own(std::string_view plugin) {
  std::lock_guard lock(mutex_);
  if (auto found = own_.find(plugin); found != own_.end()) return found->second;
  return own_.try_emplace(std::string(plugin), kOwnWidth, kOwnBound).first->second;
}

}  // namespace postern::plugin
