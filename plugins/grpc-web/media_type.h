// The media types of gRPC and gRPC-Web: application/grpc[+proto] and application/grpc-web[-text][+proto].
#pragma once

#include <string>
#include <string_view>

struct MediaType {
  enum class Kind { other, grpc, web, web_text };
  Kind kind = Kind::other;
  std::string_view suffix;  // "+proto", a view into what was read; empty when there is none
};

// Reads a Content-Type, or one element of an Accept; parameters are left out.
MediaType read_media_type(std::string_view text);

// What a client that sent `content_type` wants its response in: what it accepts, else what it sends (PROTOCOL-WEB.md).
bool wants_text(const MediaType& content_type, std::string_view accept);

// "application/grpc-web-text+proto"
std::string web_type(bool text, std::string_view suffix);
