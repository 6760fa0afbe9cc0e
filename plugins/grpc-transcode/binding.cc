#include "binding.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <postern/text/json.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>

#include "json_text.h"

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kLongestProblem = 200;

const FieldDescriptor* find(const Descriptor& type, std::string_view name) {
  std::string text(name);
  if (const auto* field = type.FindFieldByName(text)) return field;
  for (int i = 0; i < type.field_count(); ++i)
    if (type.field(i)->json_name() == text) return type.field(i);
  return nullptr;
}

// The value of messages whose JSON is one scalar: google.protobuf.Int64Value and its like.
const FieldDescriptor* wrapped(const FieldDescriptor& field) {
  const Descriptor* type = field.message_type();
  if (type == nullptr) return nullptr;
  auto kind = type->well_known_type();
  bool wraps = kind >= Descriptor::WELLKNOWNTYPE_DOUBLEVALUE && kind <= Descriptor::WELLKNOWNTYPE_BOOLVALUE;
  return wraps ? type->FindFieldByNumber(1) : nullptr;
}

bool has_text_form(const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return true;
  auto kind = field.message_type()->well_known_type();
  return wrapped(field) != nullptr || kind == Descriptor::WELLKNOWNTYPE_TIMESTAMP ||
         kind == Descriptor::WELLKNOWNTYPE_DURATION || kind == Descriptor::WELLKNOWNTYPE_FIELDMASK;
}

bool is_integer(std::string_view text) {
  std::int32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// Numbers may stand in quotes; booleans and the numbers of enumerations may not.
std::string json_of(const FieldDescriptor& field, std::string_view value) {
  const FieldDescriptor* inner = wrapped(field);
  const FieldDescriptor& scalar = inner != nullptr ? *inner : field;
  bool is_bool = scalar.type() == FieldDescriptor::TYPE_BOOL && (value == "true" || value == "false");
  bool is_number = scalar.type() == FieldDescriptor::TYPE_ENUM && is_integer(value);
  return is_bool || is_number ? std::string(value) : postern::json_string(value);
}

}  // namespace

std::optional<FieldPath> find_field(const Descriptor& type, std::string_view name, std::string& problem) {
  auto refused = [&](const std::string& why) {
    problem = postern::json_string(name.substr(0, kLongestProblem)) + why;
    return std::nullopt;
  };
  FieldPath path;
  const Descriptor* at = &type;
  for (std::string_view rest = name;;) {
    auto dot = std::min(rest.find('.'), rest.size());
    const FieldDescriptor* field = find(*at, rest.substr(0, dot));
    if (field == nullptr) return refused(" is no field of " + type.full_name());
    path.push_back(field);
    if (dot == rest.size()) break;
    bool is_one_message = !field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!is_one_message || path.size() == kMaxDepth) return refused(" leads through a field that is no single message");
    at = field->message_type();
    rest.remove_prefix(dot + 1);
  }
  if (!has_text_form(*path.back())) return refused(" is a message and cannot be set from text");
  return path;
}

bool overlap(const FieldPath& one, const FieldPath& other) {
  auto shared = std::min(one.size(), other.size());
  return std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(shared), other.begin());
}

bool bind_text(Message& message, const FieldPath& field, std::string_view text,
               google::protobuf::util::TypeResolver& types) {
  if (!postern::is_utf8(text)) return false;  // the JSON reader would repair it
  Message* at = &message;
  for (std::size_t i = 0; i + 1 < field.size(); ++i) at = at->GetReflection()->MutableMessage(at, field[i]);
  const FieldDescriptor& leaf = *field.back();
  std::string json = json_of(leaf, text);
  if (leaf.is_repeated()) json = "[" + json + "]";
  std::unique_ptr<Message> said(at->New());
  if (!read_json(*said, "{" + postern::json_string(leaf.name()) + ":" + json + "}", types).empty()) return false;
  if (!leaf.is_repeated()) at->GetReflection()->ClearField(at, &leaf);  // MergeFrom leaves what is a default as it was
  at->MergeFrom(*said);
  return true;
}

std::string read_json(Message& message, const std::string& json, google::protobuf::util::TypeResolver& types) {
  std::string bytes;
  auto status = google::protobuf::util::JsonToBinaryString(&types, type_url(*message.GetDescriptor()), json, &bytes);
  if (!status.ok()) return status.message().as_string().substr(0, kLongestProblem);
  return message.ParsePartialFromString(bytes) ? "" : "it is nested too deeply";
}

std::string type_url(const Descriptor& type) { return "type.googleapis.com/" + type.full_name(); }
