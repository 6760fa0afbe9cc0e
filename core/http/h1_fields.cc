#include "http/h1_fields.h"

#include <algorithm>
#include <cstddef>

#include "http/char_class.h"
#include "http/words.h"

namespace postern::http {
namespace {

const char* end_of_name(const char* at) noexcept {  // the line's CR is no token character
  while (is(*at, kToken)) ++at;
  return at;
}

// Stops at the line's CR, at the latest.
const char* end_of_value(const char* at, const char* end) noexcept {
  for (;;) {
    while (end - at >= 8 && not_printable(word_at(at)) == 0) at += 8;
    const char* word_end = at + std::min<std::ptrdiff_t>(8, end - at);
    while (at < word_end && is(*at, kValue)) ++at;
    if (at < word_end) return at;
  }
}

}  // namespace

tl::expected<void, const char*> parse_fields(std::string_view section, HeaderList& fields) {
  const char* const end = section.data() + section.size();
  const char* at = section.data();
  while (*at != '\r') {
    const char* colon = end_of_name(at);
    if (colon == at || *colon != ':') return tl::unexpected<const char*>("malformed field name");
    const char* line_end = end_of_value(colon + 1, end);
    if (line_end[0] != '\r' || line_end[1] != '\n') return tl::unexpected<const char*>("malformed field value");
    auto size_of = [](const char* from, const char* to) { return static_cast<std::size_t>(to - from); };
    fields.add_view({at, size_of(at, colon)}, trim({colon + 1, size_of(colon + 1, line_end)}));
    at = line_end + 2;
  }
  if (end - at != 2 || at[1] != '\n') return tl::unexpected<const char*>("malformed field section");
  return {};
}

}  // namespace postern::http
