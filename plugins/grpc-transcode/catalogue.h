// The types of a descriptor set and the bindings of its annotations, compiled.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/type_resolver.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "binding.h"
#include "http_rule.h"
#include "path_table.h"
#include "transcoder.h"

// A Call with what it is made of.
struct Binding : Call {
  PathTemplate path_template;
  std::vector<FieldPath> variables;                                   // in the template's order
  bool whole_body = false;                                            // body: "*"
  const google::protobuf::FieldDescriptor* body_field = nullptr;      // body: "field"
  const google::protobuf::FieldDescriptor* response_field = nullptr;  // response_body: "field"
  const google::protobuf::Message* request = nullptr;                 // prototypes
  const google::protobuf::Message* response = nullptr;
};

struct Transcoder::Catalogue {
  // What is wrong with the descriptors; nothing else may be used then.
  std::vector<std::string> load(std::string_view descriptors, const std::vector<std::string>& services);

  google::protobuf::DescriptorPool pool;
  google::protobuf::DynamicMessageFactory factory{&pool};
  std::unique_ptr<google::protobuf::util::TypeResolver> types;
  std::vector<std::unique_ptr<const Binding>> bindings;
  PathTable table;  // of indices
  Options options;

 private:
  void add_service(const google::protobuf::ServiceDescriptor& service);
  void add(const google::protobuf::MethodDescriptor& method, const HttpRule& rule);
  bool compile(const google::protobuf::MethodDescriptor& method, const HttpRule& rule, Binding& binding,
               std::string& problem);
  std::vector<std::string> problems_;
};
