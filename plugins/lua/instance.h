// One script with one configuration: what the hooks get as `data`. Immutable while serving, except each worker's own part.
#pragma once

#include <postern/abi.h>

#include <memory>
#include <vector>

#include "expressions.h"
#include "script.h"
#include "worker.h"

namespace postern::lua {

class Instance {
 public:
  Instance(Script& script, postern_instance instance, postern_node config);

  // Reads the declarations and asks the script's own on_configure. POSTERN_E_INVALID after a reported error.
  postern_status configure();
  postern_status start_worker(std::uint32_t index);
  void stop_worker(std::uint32_t index);

  postern_instance instance() const { return instance_; }
  // The part of the calling worker; null when it has not started.
  Worker* worker() const;

 private:
  postern_status refuse(const std::string& text, postern_node node = nullptr);
  postern_status ask_script(State& state);

  Script& script_;
  postern_instance instance_;
  postern_node config_;
  Expressions expressions_;
  std::vector<std::unique_ptr<Worker>> workers_;  // by index; made at once, so that workers share no growing list
};

}  // namespace postern::lua
