#include "server/local_reply.h"

#include <ctime>

#include "base/json_text.h"

namespace postern::server {

std::string_view error_envelope(const ErrorBody& error, Arena& arena) {
  std::string text = R"({"error":{"code":)";
  append_json_string(text, error.code);
  text += R"(,"message":)";
  append_json_string(text, error.message);
  if (!error.request_id.empty()) {
    text += R"(,"request_id":)";
    append_json_string(text, error.request_id);
  }
  if (error.retry_after_s > 0) text += R"(,"retry_after":)" + std::to_string(error.retry_after_s);
  text += "}}";
  return arena.copy(text);
}

std::string_view http_date(std::uint64_t unix_ms) {
  thread_local std::time_t made_for = -1;
  thread_local char text[32];
  thread_local std::size_t length = 0;
  auto now = static_cast<std::time_t>(unix_ms / 1000);
  if (now != made_for) {
    made_for = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text, length};
}

}  // namespace postern::server
