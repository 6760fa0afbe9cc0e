// The note announces on_request; the table has none.
#include "raw_plugin.h"

RAW_NOTE("hooks-disagree", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] { return raw::table("hooks-disagree"); });
