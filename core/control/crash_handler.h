// When the process dies of its own code: say whose code it was, then die as before.
#pragma once

namespace postern::control {

// On SEGV, BUS, FPE, ILL and ABRT prints the plugin and hook or callback that this thread was in, a backtrace, and name, version and build of
// each plugin in it to standard error, using nothing that could be in a broken state, and raises the signal again. On a thread
// that a plugin has made itself the backtrace tells which. A handler that is there already (a sanitizer's) stays. A thread whose stack
// has run over needs an AlternateStack: the gateway's own have one.
void install_crash_handler();

}  // namespace postern::control
