#include "http/trailers.h"

#include "http/headers.h"
#include "http/known_fields.h"

namespace postern::http {
namespace {

constexpr std::string_view kNeverTrailers[] = {
    "Age",
    "Authorization",
    "Cache-Control",
    "Content-Encoding",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Expires",
    "Forwarded",
    "Location",
    "Max-Forwards",
    "Pragma",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Range",
    "Retry-After",
    "Set-Cookie",
    "Vary",
    "Warning",
    "WWW-Authenticate",
};

bool begins_with(std::string_view name, std::string_view prefix) noexcept {
  return name.size() >= prefix.size() && same_name(name.substr(0, prefix.size()), prefix);
}

}  // namespace

bool may_be_trailer(std::string_view name) noexcept {
  if (known_field(name) != KnownField::other) return false;
  if (begins_with(name, "If-") || begins_with(name, "X-Forwarded-")) return false;
  for (auto never : kNeverTrailers)
    if (same_name(name, never)) return false;
  return true;
}

}  // namespace postern::http
