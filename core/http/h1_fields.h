// Lets llhttp take apart the fields of a head or trailer section that HeadReader has gathered.
#pragma once

#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace postern::http {

// `section`: whole field lines up to and including the empty line that ends them. It outlives `fields`, which gets
// views into it. Fails with the reason (static).
tl::expected<void, const char*> parse_fields(std::string_view section, HeaderList& fields);

}  // namespace postern::http
