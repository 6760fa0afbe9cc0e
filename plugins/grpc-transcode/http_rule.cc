#include "http_rule.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>

namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// Numbers of google/api/http.proto and google/api/annotations.proto.
constexpr int kHttp = 72295728;
enum Field {
  kGet = 2,
  kPut = 3,
  kPost = 4,
  kDelete = 5,
  kPatch = 6,
  kBody = 7,
  kCustom = 8,
  kAdditional = 11,
  kResponseBody = 12
};
enum CustomField { kKind = 1, kPath = 2 };

const char* method_of(int field) {
  switch (field) {
    case kGet:
      return "GET";
    case kPut:
      return "PUT";
    case kPost:
      return "POST";
    case kDelete:
      return "DELETE";
    case kPatch:
      return "PATCH";
    default:
      return nullptr;
  }
}

void read_custom(const std::string& bytes, HttpRule& rule) {
  UnknownFieldSet fields;
  if (!fields.ParseFromString(bytes)) return;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& f = fields.field(i);
    if (f.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    if (f.number() == kKind) rule.method = f.length_delimited();
    if (f.number() == kPath) rule.path = f.length_delimited();
  }
}

// `nested`: additional bindings have none of their own.
void read_rule(const std::string& bytes, bool nested, std::vector<HttpRule>& rules) {
  UnknownFieldSet fields;
  if (!fields.ParseFromString(bytes)) return;
  HttpRule rule;
  std::vector<std::string> more;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& f = fields.field(i);
    if (f.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    const std::string& value = f.length_delimited();
    if (const char* method = method_of(f.number())) {
      rule.method = method;
      rule.path = value;
    }
    if (f.number() == kCustom) read_custom(value, rule);
    if (f.number() == kBody) rule.body = value;
    if (f.number() == kResponseBody) rule.response_body = value;
    if (f.number() == kAdditional && !nested) more.push_back(value);
  }
  rules.push_back(std::move(rule));
  for (const auto& one : more) read_rule(one, true, rules);
}

}  // namespace

std::vector<HttpRule> http_rules(const google::protobuf::MethodDescriptor& method) {
  std::vector<HttpRule> rules;
  const UnknownFieldSet& options = method.options().unknown_fields();
  std::string bytes;  // a message that stands several times is merged, which is to concatenate it
  bool found = false;
  for (int i = 0; i < options.field_count(); ++i) {
    const UnknownField& f = options.field(i);
    if (f.number() != kHttp || f.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    bytes += f.length_delimited();
    found = true;
  }
  if (found) read_rule(bytes, false, rules);
  return rules;
}
