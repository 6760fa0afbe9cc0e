// The file is called name-mismatch.so, the plugin another-name.
#include "raw_plugin.h"

RAW_NOTE("another-name", 0);
RAW_ENTRY([] { return raw::table("another-name"); });
