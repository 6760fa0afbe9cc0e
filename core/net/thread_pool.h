// Runs jobs that block or compute long, on threads that do nothing else: libuv's own pool resolves names, which jobs that
// block must not keep it from.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "net/loop.h"

namespace postern::net {

class Job {
 public:
  static constexpr std::size_t kThreads = 4;  // of the process; each begins when it is first needed

  // `work` runs on a pool thread, then `done` on the loop unless the Job was cancelled. Neither throws. Letting go of
  // the Job does not cancel it; a Loop that is being destroyed waits for running work and calls no `done`. How many wait
  // for a thread is the caller's to bound.
  static std::shared_ptr<Job> start(Loop& loop, std::function<void()> work, std::function<void()> done);
  virtual ~Job() = default;
  virtual bool
  cancel() = 0;  // On the loop's thread: `done` will not be called. False: `work` is running right now and will finish.
};

}  // namespace postern::net
