// Fields of a message by their names, and text as their values: what path variables and query parameters say.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/util/type_resolver.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// From the outermost message to the field itself.
using FieldPath = std::vector<const google::protobuf::FieldDescriptor*>;

// `name`: "book.author.name", by the names of the .proto file or those of JSON. Nothing when there is no such field or text cannot
// be its value; `problem` says why.
std::optional<FieldPath> find_field(const google::protobuf::Descriptor& type, std::string_view name,
                                    std::string& problem);

// One is the other, or lies inside it.
bool overlap(const FieldPath& one, const FieldPath& other);

// Sets the field; a repeated one gets one more element. False when the text is no value of its type.
bool bind_text(google::protobuf::Message& message, const FieldPath& field, std::string_view text,
               google::protobuf::util::TypeResolver& types);

// Replaces the message by what the JSON says. Empty when done, else why not.
std::string read_json(google::protobuf::Message& message, const std::string& json,
                      google::protobuf::util::TypeResolver& types);

// What TypeResolver knows a type by.
std::string type_url(const google::protobuf::Descriptor& type);
