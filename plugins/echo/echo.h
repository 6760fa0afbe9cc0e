// What an echo says of a request, as JSON, and what a request asks of it. Knows nothing of the gateway.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// One JSON object, built member by member.
class JsonObject {
 public:
  void add(std::string_view key, std::string_view text);
  void add_raw(std::string_view key, std::string_view json);
  std::string close() &&;

 private:
  void key(std::string_view name);
  std::string text_ = "{";
};

// The number that the parameter `name` of a query has, or `otherwise` when absent, malformed or beyond `most`.
std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t otherwise, std::uint64_t most);
