// The lanes of "work": those that plugins have named, and each plugin's own. They stay for the life of the process.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "net/thread_pool.h"

namespace postern::plugin {

// A lane of the thread pool and how many jobs may wait in it. Any thread.
class WorkLane {
 public:
  WorkLane(std::uint32_t width, std::uint32_t bound) : lane_(std::make_shared<net::Lane>(width)), bound_(bound) {}
  void widen(std::uint32_t width, std::uint32_t bound);  // the larger ones stay

  bool enter() noexcept;  // false: as many wait as may
  void leave() noexcept { waiting_.fetch_sub(1, std::memory_order_relaxed); }
  const std::shared_ptr<net::Lane>& lane() const noexcept { return lane_; }

 private:
  const std::shared_ptr<net::Lane> lane_;
  std::atomic<std::uint32_t> bound_;
  std::atomic<std::uint32_t> waiting_{0};  // entered and not left: submitted and not begun
};

// Any thread.
class WorkLanes {
 public:
  static WorkLanes& of_process();

  // 0 when there can be no such lane: see work->lane in the ABI.
  std::uint32_t name(std::string_view name, std::uint32_t width, std::uint32_t bound);
  WorkLane* named(std::uint32_t number);  // null when that number was given to nobody
  WorkLane& own(std::string_view plugin);

 private:
  std::mutex mutex_;            // guards the containers, which only grow
  std::deque<WorkLane> named_;  // by number, which counts from 1
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
  std::map<std::string, WorkLane, std::less<>> own_;  // by plugin
};

}  // namespace postern::plugin
