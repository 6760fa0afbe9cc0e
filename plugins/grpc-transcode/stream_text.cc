#include "stream_text.h"

#include <postern/text/ascii.h>

namespace {

constexpr std::string_view kEvents = "text/event-stream";

std::string wrapped(std::string_view before, std::string_view json, std::string_view after) {
  std::string text;
  text.reserve(before.size() + json.size() + after.size());
  return text.append(before).append(json).append(after);
}

}  // namespace

std::string_view content_type(StreamKind kind) {
  return kind == StreamKind::events ? kEvents : std::string_view("application/x-ndjson");
}

std::string message_text(StreamKind kind, std::string_view json) {
  return kind == StreamKind::events ? wrapped("data: ", json, "\n\n") : wrapped("{\"result\":", json, "}\n");
}

std::string error_text(StreamKind kind, std::string_view status_json) {
  return kind == StreamKind::events ? wrapped("event: error\ndata: ", status_json, "\n\n")
                                    : wrapped("{\"error\":", status_json, "}\n");
}

std::string_view end_text(StreamKind kind) { return kind == StreamKind::events ? "event: end\ndata: {}\n\n" : ""; }

StreamKind wanted_kind(std::string_view accept) {
  while (!accept.empty()) {
    auto element = postern::take_piece(accept, ',');
    auto type = postern::trim(postern::take_piece(element, ';'));
    if (postern::same_ignoring_case(type, kEvents)) return StreamKind::events;
  }
  return StreamKind::lines;
}
