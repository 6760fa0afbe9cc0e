// How the messages of a stream are told: lines of JSON, or the events that browsers read (Server-Sent Events).
#pragma once

#include <string>
#include <string_view>

enum class StreamKind { lines, events };

std::string_view content_type(StreamKind kind);  // "application/x-ndjson"
// `json` has no line feed, as protobuf prints it.
std::string message_text(StreamKind kind, std::string_view json);
// The last thing in a stream that failed.
std::string error_text(StreamKind kind, std::string_view status_json);
// The last thing in one that did not. EventSource would ask again otherwise.
std::string_view end_text(StreamKind kind);

// What a client with this Accept gets: events when it names them, else lines.
StreamKind wanted_kind(std::string_view accept);
