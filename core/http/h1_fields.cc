#include "http/h1_fields.h"

#include <bit>
#include <cstddef>

#include "http/char_class.h"
#include "http/words.h"

namespace postern::http {
namespace {

// Both stop at the line's CR, at the latest.
const char* end_of_name(const char* at, const char* end) noexcept {
  while (end - at >= 16) {
    unsigned rare = bits_of(not_name_bytes(bytes_at(at)));
    at += rare == 0 ? 16 : std::countr_zero(rare);
    if (rare == 0) continue;
    if (!is(*at, kToken)) return at;
    ++at;
  }
  while (is(*at, kToken)) ++at;
  return at;
}

const char* end_of_value(const char* at, const char* end) noexcept {
  while (end - at >= 16) {
    unsigned found = bits_of(controls(bytes_at(at)));
    at += found == 0 ? 16 : std::countr_zero(found);
    if (found == 0) continue;
    if (*at != '\t') return at;
    ++at;
  }
  while (is(*at, kValue)) ++at;
  return at;
}

}  // namespace

tl::expected<void, const char*> parse_fields(std::string_view section, HeaderList& fields) {
  const char* const end = section.data() + section.size();
  const char* at = section.data();
  while (*at != '\r') {
    const char* colon = end_of_name(at, end);
    if (colon == at || *colon != ':') return tl::unexpected<const char*>("malformed field name");
    const char* value = colon + 1;
    while (is_blank(*value)) ++value;
    const char* line_end = end_of_value(value, end);
    if (line_end[0] != '\r' || line_end[1] != '\n') return tl::unexpected<const char*>("malformed field value");
    const char* value_end = line_end;
    while (value_end > value && is_blank(value_end[-1])) --value_end;
    fields.add_view({at, colon}, {value, value_end});
    at = line_end + 2;
  }
  if (end - at != 2 || at[1] != '\n') return tl::unexpected<const char*>("malformed field section");
  return {};
}

}  // namespace postern::http
