// Finds out what stands still: turns the coarse clock by which frames of plugins see how long they ran, and measures how long the loop
// of each worker lets a task wait.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "net/loop.h"
#include "net/timer.h"
#include "server/worker.h"

namespace postern::control {

class LagWatch {
 public:
  // On the control thread's loop. The workers outlive it.
  LagWatch(net::Loop& loop, const std::vector<std::unique_ptr<proxy::Worker>>& workers);
  LagWatch(const LagWatch&) = delete;
  LagWatch& operator=(const LagWatch&) = delete;
  ~LagWatch();

  struct Probe;

 private:
  void tick();
  void probe_all();
  void probe(proxy::Worker& worker, const std::shared_ptr<Probe>& probe);

  const std::vector<std::unique_ptr<proxy::Worker>>& workers_;
  std::vector<std::shared_ptr<Probe>> probes_;  // by worker
  std::uint64_t collector_ = 0;
  std::uint32_t ticks_ = 0;
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace postern::control
