// Has a note, but exports no entry.
#include "raw_plugin.h"

RAW_NOTE("missing-symbol", 0);
