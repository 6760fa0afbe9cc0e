#include "media_type.h"

#include <algorithm>

namespace {

constexpr std::string_view kGrpc = "application/grpc";
constexpr std::string_view kWeb = "-web";
constexpr std::string_view kText = "-text";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool take(std::string_view& text, std::string_view start) {
  if (text.size() < start.size()) return false;
  bool same = std::equal(start.begin(), start.end(), text.begin(), [](char a, char b) { return a == lower(b); });
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
    auto comma = std::min(accept.find(','), accept.size());
    auto kind = read_media_type(accept.substr(0, comma)).kind;
    if (kind == MediaType::Kind::web || kind == MediaType::Kind::web_text) return kind == MediaType::Kind::web_text;
    accept.remove_prefix(std::min(comma + 1, accept.size()));
  }
  return content_type.kind == MediaType::Kind::web_text;
}

std::string web_type(bool text, std::string_view suffix) {
  return std::string(kGrpc).append(kWeb).append(text ? kText : std::string_view()).append(suffix);
}
