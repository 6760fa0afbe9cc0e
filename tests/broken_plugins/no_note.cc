// A shared library with the right entry, but without a note.
#include "raw_plugin.h"

RAW_ENTRY([] { return raw::table("no-note"); });
