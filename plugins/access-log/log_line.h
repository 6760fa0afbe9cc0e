// One line of the access log: a JSON object built in place. Knows nothing of the gateway.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

class LogLine {
 public:
  explicit LogLine(std::string& out) : out_(out) { out_ += '{'; }
  void text(std::string_view key, std::string_view value);  // bytes that are not printable ASCII are escaped
  void number(std::string_view key, std::uint64_t value);
  void milliseconds(std::string_view key, std::uint64_t ns);  // with microseconds: 12.345
  void end() { out_ += "}\n"; }

 private:
  void key(std::string_view name);
  std::string& out_;
  bool first_ = true;
};

// RFC 3339 with milliseconds, UTC: "2026-11-21T01:02:03.004Z". The part down to the second is made once a second and thread.
void append_timestamp(std::string& out, std::uint64_t unix_ms);

// The query with the values of the named parameters (any case) replaced by "***". A view of `query` when there are none.
std::string_view redact_query(std::string_view query, const std::vector<std::string>& names, std::string& buffer);

// Headers whose values never reach a log.
bool is_secret_header(std::string_view name);
