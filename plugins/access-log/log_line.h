// One line of the access log: a JSON object built in place. Knows nothing of the gateway.
#pragma once

#include <postern/text/json.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

class LogLine {
 public:
  // Overwrites the buffer. One that is used again has grown to its size. Keys are written as they are: see escaped().
  explicit LogLine(std::string& buffer) : buffer_(buffer) {
    *make_room(1) = '{';
    size_ = 1;
  }

  template <std::size_t N>
  void text(const char (&key)[N], std::string_view value) {  // escaped by postern/text/json.h
    put_text(begin_field(key, value.size() * postern::kMaxJsonGrowth), value);
  }
  void text(const std::string& key, std::string_view value);
  template <std::size_t N>
  void plain(const char (&key)[N], std::string_view value) {  // has no byte to escape
    put_plain(begin_field(key, value.size()), value);
  }
  template <std::size_t N>
  void number(const char (&key)[N], std::uint64_t value) {
    put_number(begin_field(key, kNumberBytes), value);
  }
  template <std::size_t N>
  void milliseconds(const char (&key)[N], std::uint64_t ns) {  // with microseconds: 12.345
    put_milliseconds(begin_field(key, kNumberBytes), ns);
  }
  std::string_view end();  // the line, which has a field at least; in the buffer

 private:
  static constexpr std::size_t kNumberBytes = 24;  // the most that a number takes
  static constexpr std::size_t kPunctuation = 8;   // the most around key and value, and behind the last field

  // Where the value begins; there is room for it. Copying a literal costs no call.
  template <std::size_t N>
  char* begin_field(const char (&key)[N], std::size_t value_size) {
    char* to = make_room(N + value_size + kPunctuation);
    *to++ = '"';
    std::memcpy(to, key, N - 1);
    to += N - 1;
    *to++ = '"';
    *to++ = ':';
    return to;
  }
  char* make_room(std::size_t size) {
    if (buffer_.size() < size_ + size) grow(size);
    return buffer_.data() + size_;
  }
  void grow(std::size_t size);
  void put_text(char* to, std::string_view value);
  void put_plain(char* to, std::string_view value) {
    *to++ = '"';
    to += value.copy(to, value.size());
    *to++ = '"';
    end_field(to);
  }
  void put_number(char* to, std::uint64_t value);
  void put_milliseconds(char* to, std::uint64_t ns);
  void end_field(char* end) {
    *end = ',';
    size_ = static_cast<std::size_t>(end + 1 - buffer_.data());
  }

  std::string& buffer_;
  std::size_t size_ = 0;  // the last field ends with a comma
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
