// Who gets in: whether a chain refuses requests of which nobody knows who sends them, as its instances declared it
// (declare_refuses).
#pragma once

#include <postern/abi.h>

#include <string>
#include <vector>

#include "config/node.h"

namespace postern::plugin {

struct Admission {
  bool anonymous = true;  // such requests pass, or may
  std::string told;       // one sentence: who refuses them, or why nobody does for certain
};

// A guard counts when it runs for every request and its answer stands: not in shadow mode, not with `when`, not with on_error:
// fail_open.
Admission admission_of(const std::vector<postern_instance>& chain);

// Guards that a client without identity may get past: they run only when a variable that may be unset is not equal to something.
void warn_of_guards(const std::vector<postern_instance>& instances, config::Problems& warnings);

}  // namespace postern::plugin
