// Takes apart the field lines of a head or trailer section that HeadReader has gathered (RFC 9112 section 5).
// Our own and not llhttp's, which spends 3,300 instructions on the fields of a small request and its response, a fifth of
// what the gateway spends on the whole exchange. tests/fuzz/h1_fields_fuzz.cc holds the two to the same judgement.
#pragma once

#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace postern::http {

// `section`: whole lines, each ended by CR LF (HeadReader saw to that), the last one empty. It outlives `fields`, which
// gets views into it. Fails with the reason (static): a name that is no token or is not followed by ':' at once, a
// control character other than HTAB in a value.
tl::expected<void, const char*> parse_fields(std::string_view section, HeaderList& fields);

}  // namespace postern::http
