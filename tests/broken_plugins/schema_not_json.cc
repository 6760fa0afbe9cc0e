// Its schema breaks off.
#include "raw_plugin.h"

RAW_NOTE("schema-not-json", 0);
RAW_ENTRY([] { return raw::table("schema-not-json", R"({"properties": {)"); });
