#include "stream_text.h"

#include <algorithm>

namespace {

constexpr std::string_view kEvents = "text/event-stream";

bool same_word(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

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
    auto size = std::min(accept.find(','), accept.size());
    auto element = accept.substr(0, size);
    if (same_word(trimmed(element.substr(0, element.find(';'))), kEvents)) return StreamKind::events;
    accept.remove_prefix(std::min(size + 1, accept.size()));
  }
  return StreamKind::lines;
}
