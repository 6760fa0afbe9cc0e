// google.api.http, the annotation that says which HTTP requests make a call: read from the options of a method, where
// libprotobuf keeps an extension that it does not know as bytes.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

struct HttpRule {
  std::string method;         // "GET"
  std::string path;           // a PathTemplate's text
  std::string body;           // "*", a field, or empty: there is none
  std::string response_body;  // a field, or empty: the whole message
};

// All bindings of a method, additional ones behind the first; none when it has no annotation.
std::vector<HttpRule> http_rules(const google::protobuf::MethodDescriptor& method);
