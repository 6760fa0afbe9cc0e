// How long a long run is: the whole test takes a tenth of it with the same checks, `scripts/dev/test soak` all of it.
#pragma once

#include <cstdlib>

// `whole`, or a tenth of it. Never less than one.
inline int long_run(int whole) {
  if (std::getenv("POSTERN_TEST_SOAK") != nullptr) return whole;
  return whole < 10 ? 1 : whole / 10;
}
