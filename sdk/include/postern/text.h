// Text as HTTP writes it, for plugins: ASCII case and hexadecimal digits, percent-encoding, base64, queries and cookies, UTF-8 and
// JSON strings. (JSON as values: postern/text/json_value.h.) Standard library only, and nothing of the ABI: the gateway itself reads and writes with the same functions.
#pragma once

#include "postern/text/ascii.h"
#include "postern/text/base64.h"
#include "postern/text/json.h"
#include "postern/text/pairs.h"
#include "postern/text/percent.h"
#include "postern/text/utf8.h"
