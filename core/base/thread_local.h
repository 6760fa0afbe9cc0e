// Thread-local variables that every request reads.
#pragma once

// The core is linked into programs, never loaded into one: its variables have a fixed place beside the thread's pointer, and
// need not be looked up by a call, as code that could be part of a library would.
#define POSTERN_IN_PROGRAM [[gnu::tls_model("initial-exec")]]
