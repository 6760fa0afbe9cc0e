#include "exchange/local_reply.h"

#include <postern/text/json.h>

#include <ctime>
#include <new>
#include <string>

#include "exchange/grpc.h"

namespace postern::proxy {

std::string_view error_envelope(const ErrorBody& error, Arena& arena) {
  std::string text = R"({"error":{"code":)";
  append_json(text, error.code);
  text += R"(,"message":)";
  append_json(text, error.message);
  if (!error.request_id.empty()) {
    text += R"(,"request_id":)";
    append_json(text, error.request_id);
  }
  if (error.retry_after_s > 0) text += R"(,"retry_after":)" + std::to_string(error.retry_after_s);
  text += "}}";
  return arena.copy(text);
}

http::ResponseHead* grpc_refusal(const http::ResponseHead& response, std::string_view message, bool timed_out,
                                 Arena& arena) {
  auto* head = new (arena.allocate(sizeof(http::ResponseHead))) http::ResponseHead(arena);
  head->status = 200;
  for (const auto& f : response.headers)
    if (!http::same_name(f.name, "Content-Type")) head->headers.add_view(f.name, f.value);
  head->headers.add_view("Content-Type", "application/grpc");
  if (head->headers.find("grpc-status") != nullptr) return head;  // a plugin has said it already
  head->headers.add("grpc-status", std::to_string(grpc_status_of(response.status, timed_out)));
  std::string_view text = message.empty() ? http::reason_phrase(response.status) : message;
  head->headers.add_view("grpc-message", grpc_message(text, arena));
  return head;
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

}  // namespace postern::proxy
