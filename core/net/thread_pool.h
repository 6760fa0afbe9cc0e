// Runs jobs that block or compute long on libuv's thread pool.
#pragma once

#include <functional>
#include <memory>

#include "net/loop.h"

namespace postern::net {

class Job {
 public:
  // `work` runs on a pool thread, then `done` on the loop unless the Job was cancelled. Neither throws. Letting go of
  // the Job does not cancel it; a Loop that is being destroyed waits for running work and calls no `done`.
  static std::shared_ptr<Job> start(Loop& loop, std::function<void()> work, std::function<void()> done);
  virtual ~Job() = default;
  virtual bool
  cancel() = 0;  // On the loop's thread: `done` will not be called. False: `work` is running right now and will finish.
};

}  // namespace postern::net
