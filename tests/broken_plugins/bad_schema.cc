// Its schema is JSON, but no schema.
#include "raw_plugin.h"

RAW_NOTE("bad-schema", 0);
RAW_ENTRY([] { return raw::table("bad-schema", R"({"properties": {"limit": {"type": "whole number"}}})"); });
