#include "media_type.h"

#include <postern/text/ascii.h>

#include <algorithm>

namespace {

constexpr std::string_view kGrpc = "application/grpc";
constexpr std::string_view kWeb = "-web";
constexpr std::string_view kText = "-text";

bool take(std::string_view& text, std::string_view start) {
  const bool same = postern::starts_ignoring_case(text, start);
  if (same) text.remove_prefix(start.size());
  return same;
}

}  // namespace

MediaType read_media_type(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  text = text.substr(0, text.find_first_of("; \t"));
  if (!take(text, kGrpc)) return {};
  auto kind = MediaType::Kind::grpc;
  if (take(text, kWeb)) kind = take(text, kText) ? MediaType::Kind::web_text : MediaType::Kind::web;
  if (!text.empty() && text.front() != '+') return {};
  return {kind, text};
}

bool wants_text(const MediaType& content_type, std::string_view accept) {
  while (!accept.empty()) {
    auto kind = read_media_type(postern::take_piece(accept, ',')).kind;
    if (kind == MediaType::Kind::web || kind == MediaType::Kind::web_text) return kind == MediaType::Kind::web_text;
  }
  return content_type.kind == MediaType::Kind::web_text;
}

std::string web_type(bool text, std::string_view suffix) {
  return std::string(kGrpc).append(kWeb).append(text ? kText : std::string_view()).append(suffix);
}
