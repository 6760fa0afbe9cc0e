#include "exchange/local_reply.h"

#include <postern/text/json.h>

#include <ctime>
#include <new>
#include <string>

#include "base/clock.h"
#include "exchange/grpc.h"

namespace postern::proxy {
namespace {

// The value of a Date field (RFC 9110 section 5.6.7). Made once a second and thread; valid until the next call.
std::string_view http_date(std::uint64_t unix_ms) {
  constexpr std::size_t kLength = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT": every part has a fixed width
  thread_local std::time_t made_for = -1;
  thread_local char text[kLength + 1];
  auto now = static_cast<std::time_t>(unix_ms / 1000);
  if (now != made_for) {
    made_for = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text, kLength};
}

}  // namespace

void add_date(http::ResponseHead& head, Arena& arena) {
  if (head.headers.find("Date") != nullptr) return;
  head.headers.add_view("Date", arena.copy(http_date(system_clock().unix_ms())));
}

LocalAnswer make_answer(std::uint16_t status, std::string_view content_type, std::string_view body, Arena& arena) {
  LocalAnswer answer;
  answer.head = new (arena.allocate(sizeof(http::ResponseHead))) http::ResponseHead(arena);
  answer.head->status = status;
  add_date(*answer.head, arena);
  if (!content_type.empty()) answer.head->headers.add("Content-Type", content_type);
  answer.body = arena.copy(body);
  answer.head->body = {http::BodyKind::length, answer.body.size()};
  answer.origin = POSTERN_ORIGIN_LOCAL;
  return answer;
}

LocalAnswer make_error_answer(std::uint16_t status, const ErrorBody& error, Arena& arena) {
  LocalAnswer answer = make_answer(status, "application/json", error_envelope(error, arena), arena);
  answer.code = arena.copy(error.code);
  answer.message = arena.copy(error.message);
  if (error.retry_after_s > 0) answer.head->headers.add("Retry-After", std::to_string(error.retry_after_s));
  return answer;
}

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

}  // namespace postern::proxy
