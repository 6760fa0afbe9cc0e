#include "binding.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t kMaxDepth = 32;

const FieldDescriptor* find(const Descriptor& type, std::string_view name) {
  std::string text(name);
  if (const auto* field = type.FindFieldByName(text)) return field;
  for (int i = 0; i < type.field_count(); ++i)
    if (type.field(i)->json_name() == text) return type.field(i);
  return nullptr;
}

// Messages whose JSON is one scalar.
const FieldDescriptor* wrapped(const FieldDescriptor& field) {
  const Descriptor* type = field.message_type();
  if (type == nullptr || type->file()->name() != "google/protobuf/wrappers.proto") return nullptr;
  return type->FindFieldByNumber(1);
}

bool has_text_form(const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return true;
  const std::string& name = field.message_type()->full_name();
  return wrapped(field) != nullptr || name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" ||
         name == "google.protobuf.FieldMask";
}

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string json = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20)
      json.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    else if (c == '"' || c == '\\')
      json.append(1, '\\').append(1, c);
    else
      json += c;
  }
  return json + '"';
}

bool is_integer(std::string_view text) {
  std::int32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// RFC 3629. The JSON parser repairs what is malformed; a value that its sender did not write must not reach a server.
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::size_t more = byte(0) < 0x80   ? 0
                       : byte(0) < 0xc2 ? 4
                       : byte(0) < 0xe0 ? 1
                       : byte(0) < 0xf0 ? 2
                       : byte(0) < 0xf5 ? 3
                                        : 4;
    if (more == 4 || text.size() <= more) return false;
    for (std::size_t i = 1; i <= more; ++i)
      if ((byte(i) & 0xc0) != 0x80) return false;
    if (byte(0) == 0xe0 && byte(1) < 0xa0) return false;
    if (byte(0) == 0xed && byte(1) > 0x9f) return false;
    if (byte(0) == 0xf0 && byte(1) < 0x90) return false;
    if (byte(0) == 0xf4 && byte(1) > 0x8f) return false;
    text.remove_prefix(more + 1);
  }
  return true;
}

// Numbers may stand in quotes; booleans and the numbers of enumerations may not.
std::string json_of(const FieldDescriptor& field, std::string_view value) {
  const FieldDescriptor* inner = wrapped(field);
  const FieldDescriptor& scalar = inner != nullptr ? *inner : field;
  bool is_bool = scalar.type() == FieldDescriptor::TYPE_BOOL && (value == "true" || value == "false");
  bool is_number = scalar.type() == FieldDescriptor::TYPE_ENUM && is_integer(value);
  return is_bool || is_number ? std::string(value) : quoted(value);
}

}  // namespace

std::string bind_text(Message& message, std::string_view field, std::string_view value) {
  if (!is_utf8(field) || !is_utf8(value)) return "a field or its value is not UTF-8";
  std::string named = "\"" + std::string(field) + "\"";
  Message* at = &message;
  const FieldDescriptor* leaf = nullptr;
  for (std::size_t depth = 0;; ++depth) {
    auto dot = std::min(field.find('.'), field.size());
    leaf = find(*at->GetDescriptor(), field.substr(0, dot));
    if (leaf == nullptr) return named + " is no field of " + message.GetDescriptor()->full_name();
    if (dot == field.size()) break;
    if (leaf->is_repeated() || leaf->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || depth == kMaxDepth)
      return named + " leads through a field that is no single message";
    at = at->GetReflection()->MutableMessage(at, leaf);
    field.remove_prefix(dot + 1);
  }
  if (leaf->is_map() || !has_text_form(*leaf)) return named + " is a message and cannot be set from text";

  std::string json = json_of(*leaf, value);
  if (leaf->is_repeated()) json = "[" + json + "]";
  json = "{" + quoted(leaf->name()) + ":" + json + "}";
  std::unique_ptr<Message> said(at->New());
  if (!google::protobuf::util::JsonStringToMessage(json, said.get()).ok()) return named + " cannot have that value";
  at->MergeFrom(*said);
  return {};
}
