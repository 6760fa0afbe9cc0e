// Runs jobs that block or compute long, on threads that do nothing else: libuv's own pool resolves names, which jobs that
// block must not keep it from. Jobs wait in lanes, each with a width of its own, so that what blocks in one does not hold
// up another.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "net/loop.h"

namespace postern::net {

class PoolJob;

// Jobs of which `width` at most run at the same time; the others wait in the order in which they came. Any thread.
class Lane {
 public:
  explicit Lane(std::size_t width) : width_(width) {}
  void widen(std::size_t width);  // the larger width stays

 private:
  friend class Pool;
  std::size_t width_;  // the pool guards all of it
  std::size_t running_ = 0;
  std::deque<std::shared_ptr<PoolJob>> waiting_;
};

class Job {
 public:
  // Of the process; each begins when it is first needed. Every lane has one that no other lane can take, and these are
  // shared by the lanes that want more.
  static constexpr std::size_t kSharedThreads = 64;

  // `work` runs on a pool thread, then `done` on the loop unless the Job was cancelled. Neither throws. Letting go of
  // the Job does not cancel it; a Loop that is being destroyed waits for running work and calls no `done`. How many wait
  // for a thread is the caller's to bound.
  static std::shared_ptr<Job> start(Loop& loop, std::shared_ptr<Lane> lane, std::function<void()> work,
                                    std::function<void()> done);
  virtual ~Job() = default;
  virtual bool
  cancel() = 0;  // On the loop's thread: `done` will not be called. False: `work` is running right now and will finish.
};

}  // namespace postern::net
