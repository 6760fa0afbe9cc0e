// Lets llhttp take apart a head or trailer section that HeadReader has gathered.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace postern::http {

enum class HeadOf : std::uint8_t { request, response };

enum class HeadFault : std::uint8_t { unknown_method, malformed };
struct FieldsProblem {
  HeadFault fault;
  const char* text;  // static
};

// `head` is whole, from the start line to the empty line, and outlives `fields`, which gets views into it.
tl::expected<void, FieldsProblem> parse_head_fields(HeadOf what, std::string_view head, HeaderList& fields);
// The same for fields alone, ended by an empty line.
tl::expected<void, FieldsProblem> parse_trailer_fields(std::string_view section, HeaderList& fields);

}  // namespace postern::http
