// Runs jobs that block or compute long on libuv's thread pool.
#pragma once

#include <functional>
#include <memory>

#include "net/loop.h"

namespace postern::net {

class Job {
 public:
  // `work` runs on a pool thread, then `done` on the loop unless the Job was cancelled.
  static std::shared_ptr<Job> start(Loop& loop, std::function<void()> work, std::function<void()> done);
  virtual ~Job() = default;
  virtual bool cancel() = 0;  // `done` will not be called. False: `work` is running right now and will finish.
};

}  // namespace postern::net
