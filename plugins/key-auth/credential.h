// Keys in headers, queries and cookies: found, decoded and taken out. Knows nothing of the gateway.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

// How often something stands in a text, and the last one's value as it is written.
struct Occurrences {
  unsigned count = 0;
  std::string_view value;
};

// The parameters `name` of a query ("a=1&b=2"). Names are compared decoded, so that "api%5Fkey" is no way around.
Occurrences find_parameters(std::string_view query, std::string_view name) noexcept;

// Writes the query without that parameter to `out`, which has room for `query`. The others stay as written.
std::string_view without_parameter(std::string_view query, std::string_view name, char* out) noexcept;

// A parameter's value as it is meant (postern/text/percent.h: "+" is a space). None when it does not fit into `buffer`.
std::optional<std::string_view> decoded_value(std::string_view value, std::span<char> buffer) noexcept;

// The cookies `name` in a Cookie header. One without "=" counts, too: it may be what the next hop takes for a key.
Occurrences find_cookies(std::string_view header, std::string_view name) noexcept;

// Joins the cookies of several Cookie headers (RFC 9113 section 8.2.3) but for one name.
class CookiesBut {
 public:
  // `out` has room for room_for() of every header that follows.
  CookiesBut(std::string_view name, char* out) noexcept : name_(name), out_(out) {}
  static std::size_t room_for(std::string_view header) noexcept { return 2 * (header.size() + 1); }  // ";" becomes "; "
  void add(std::string_view header) noexcept;
  std::string_view text() const noexcept { return {out_, size_}; }

 private:
  std::string_view name_;
  char* out_;
  std::size_t size_ = 0;
};
