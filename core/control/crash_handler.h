// When the process dies of its own code: say whose code it was, then die as before.
#pragma once

namespace postern::control {

// On SEGV, BUS, FPE, ILL and ABRT prints the plugin and hook or callback that this thread was in and a backtrace to standard
// error, using nothing that could be in a broken state, and raises the signal again. The sanitizers' own handlers stay.
void install_crash_handler();

}  // namespace postern::control
