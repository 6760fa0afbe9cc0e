// Sets a field of a message from text: what path variables and query parameters say.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

// `field`: "book.author.name", by the names of the .proto file or those of JSON. A repeated field gets one more element.
// Empty when done, else what is wrong with the field or its value.
std::string bind_text(google::protobuf::Message& message, std::string_view field, std::string_view value);
