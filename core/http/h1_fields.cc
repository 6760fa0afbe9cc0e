#include "http/h1_fields.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "http/char_class.h"

namespace postern::http {
namespace {

// Whether a byte below 0x20 or 0x7f is among the eight, a tab included.
bool has_control(const char* at) noexcept {
  constexpr std::uint64_t kOnes = ~std::uint64_t{0} / 255;
  constexpr std::uint64_t kHighs = kOnes * 0x80;
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  std::uint64_t del = word ^ (kOnes * 0x7f);  // 0 where the byte is 0x7f
  return ((((word - kOnes * 0x20) & ~word) | ((del - kOnes) & ~del)) & kHighs) != 0;
}

const char* end_of_name(const char* at) noexcept {  // the line's CR is no token character
  while (is(*at, kToken)) ++at;
  return at;
}

// Stops at the line's CR, at the latest.
const char* end_of_value(const char* at, const char* end) noexcept {
  for (;;) {
    while (end - at >= 8 && !has_control(at)) at += 8;
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
