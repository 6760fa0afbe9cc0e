// One line of the access log: a JSON object built in place. Knows nothing of the gateway.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

class LogLine {
 public:
  // Overwrites the buffer. One that is used again has grown to its size. Keys are written as they are: see escaped().
  explicit LogLine(std::string& buffer) : buffer_(buffer) {}
  void text(std::string_view key, std::string_view value);  // bytes that are not printable ASCII are escaped
  void number(std::string_view key, std::uint64_t value);
  void milliseconds(std::string_view key, std::uint64_t ns);  // with microseconds: 12.345
  std::string_view end();                                     // the line, which has a field at least; in the buffer

 private:
  char* begin_field(std::string_view key, std::size_t value_size);
  void end_field(const char* end) { size_ = static_cast<std::size_t>(end - buffer_.data()); }

  std::string& buffer_;
  std::size_t size_ = 0;
};

// A text as it stands in JSON between the quotes.
std::string escaped(std::string_view text);

// RFC 3339 with milliseconds, UTC: "2026-11-21T01:02:03.004Z". The part down to the second is made once a second and thread.
// Valid until the thread's next call.
std::string_view timestamp(std::uint64_t unix_ms);

// The query with the values of the named parameters (any case, escaped or not) replaced by "***". A view of `query` when
// there are none.
std::string_view redact_query(std::string_view query, const std::vector<std::string>& names, std::string& buffer);

// The same for a target: "/path?query".
std::string_view redact_target(std::string_view target, const std::vector<std::string>& names, std::string& buffer);

// Headers whose values never reach a log.
bool is_secret_header(std::string_view name);

// What of a variable's value may be shown.
enum class Shown : std::uint8_t {
  whole,
  query,   // as redact_query has it
  target,  // as redact_target has it
  nothing  // the value of a secret header, of a cookie, or of a query parameter in `names`
};
Shown shown_of(std::string_view variable, const std::vector<std::string>& names);
