#include "expansion.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>

namespace {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

constexpr int kMaxDepth = 100;         // as the parser has it
constexpr int kMaxDepthOfAny = 64;     // as the printer has it, which begins anew in each
constexpr std::int64_t kText = 48;     // a string, and the pointer to it
constexpr std::int64_t kScalar = 16;   // an element of a list
constexpr std::int64_t kUnknown = 64;  // a field that the type does not have, while its list grows
constexpr std::string_view kTypePrefix = "type.googleapis.com/";

// What all parts of a message share.
struct Account {
  pb::MessageFactory& factory;
  std::int64_t left;
  std::int64_t for_each_field;
  bool has_any = false, well_formed = true;
  std::unordered_map<const pb::EnumDescriptor*, std::int64_t> longest_names = {};

  bool spend(std::int64_t bytes) { return (left -= bytes) >= 0; }

  // What one value may take when it is printed by its name.
  std::int64_t name_of(const pb::EnumDescriptor* type) {
    auto [at, is_new] = longest_names.try_emplace(type, 0);
    for (int i = 0; is_new && i < type->value_count(); ++i)
      at->second = std::max(at->second, static_cast<std::int64_t>(type->value(i)->name().size()));
    return at->second;
  }
};

// Null when the type has none of that number, or one of another wire type: the parser keeps it as unknown.
const pb::FieldDescriptor* find(const pb::Descriptor& type, std::uint32_t tag) {
  const auto* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
  if (field == nullptr) return nullptr;
  auto kind = WireFormatLite::GetTagWireType(tag);
  bool is_packed = field->is_packable() && kind == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
  auto declared = WireFormatLite::WireTypeForFieldType(static_cast<WireFormatLite::FieldType>(field->type()));
  return kind == declared || is_packed ? field : nullptr;
}

// Walks over one piece of wire format: the message, or what an Any in it holds.
class Estimate {
 public:
  Estimate(Account& account, const pb::DescriptorPool& pool, std::string_view bytes, bool in_any = false)
      : account_(account),
        pool_(pool),
        bytes_(bytes),
        in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        in_any_(in_any) {}

  bool message(const pb::Message& prototype, int depth) {
    const auto& type = *prototype.GetDescriptor();
    auto printed = type.field_count() * account_.for_each_field;
    if (!account_.spend(static_cast<std::int64_t>(prototype.SpaceUsedLong()) + printed)) return false;
    Any any;
    if (!fields(type, any, depth)) return false;
    if (type.well_known_type() != pb::Descriptor::WELLKNOWNTYPE_ANY) return true;
    account_.has_any = true;
    return content(any, depth);
  }

 private:
  struct Any {
    std::string_view type_url, value;  // by their numbers, 1 and 2
  };

  // All up to the end of the message or group, or to what is malformed.
  bool fields(const pb::Descriptor& type, Any& any, int depth) {
    while (std::uint32_t tag = in_.ReadTag()) {
      auto kind = WireFormatLite::GetTagWireType(tag);
      if (kind == WireFormatLite::WIRETYPE_END_GROUP) return true;
      const auto* field = find(type, tag);
      if (kind == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!delimited(field, WireFormatLite::GetTagFieldNumber(tag), any, depth)) return false;
      } else if (kind == WireFormatLite::WIRETYPE_START_GROUP && depth < kMaxDepth) {
        if (!(field != nullptr ? message(prototype(*field), depth + 1) : unknown_group(depth + 1))) return false;
      } else {
        if (!account_.spend(element(field))) return false;
        if (!WireFormatLite::SkipField(&in_, tag)) return true;
      }
    }
    return true;
  }

  bool unknown_group(int depth) {
    if (!account_.spend(kUnknown)) return false;
    while (std::uint32_t tag = in_.ReadTag()) {
      auto kind = WireFormatLite::GetTagWireType(tag);
      if (kind == WireFormatLite::WIRETYPE_END_GROUP) return true;
      if (kind == WireFormatLite::WIRETYPE_START_GROUP && depth < kMaxDepth) {
        if (!unknown_group(depth + 1)) return false;
      } else {
        auto before = in_.CurrentPosition();
        if (!WireFormatLite::SkipField(&in_, tag)) return true;
        if (!account_.spend(kUnknown + in_.CurrentPosition() - before)) return false;
      }
    }
    return true;
  }

  bool delimited(const pb::FieldDescriptor* field, int number, Any& any, int depth) {
    bool is_message = field != nullptr && field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    if (is_message && depth >= kMaxDepthOfAny && in_any_) return false;
    if (is_message && depth < kMaxDepth) {
      std::uint32_t size = 0;
      if (!in_.ReadVarint32(&size)) return true;
      auto limit = in_.PushLimit(static_cast<int>(size));
      bool good = message(prototype(*field), depth + 1);
      in_.PopLimit(limit);
      return good;
    }
    std::string_view text;
    bool is_packed = field != nullptr && field->is_packable();
    if (!read_text(text)) return true;
    if (number == 1) any.type_url = text;
    if (number == 2) any.value = text;
    auto size = static_cast<std::int64_t>(text.size());
    return account_.spend(is_packed ? size * element(field) : size + (field != nullptr ? kText : kUnknown));
  }

  // False: it is malformed.
  bool read_text(std::string_view& text) {
    std::uint32_t size = 0;
    if (!in_.ReadVarint32(&size)) return false;
    auto at = static_cast<std::size_t>(in_.CurrentPosition());
    if (!in_.Skip(static_cast<int>(size))) return false;
    text = bytes_.substr(at, size);
    return true;
  }

  // The printer copies what an Any holds, and counts its depth anew.
  bool content(const Any& any, int depth) {
    if (any.value.empty() || !any.type_url.starts_with(kTypePrefix)) return true;
    const auto* type = pool_.FindMessageTypeByName(std::string(any.type_url.substr(kTypePrefix.size())));
    if (type == nullptr) return true;  // it has no JSON
    if (depth >= kMaxDepthOfAny || !account_.spend(static_cast<std::int64_t>(any.value.size()))) return false;
    const auto& prototype = *account_.factory.GetPrototype(type);
    if (!Estimate(account_, pool_, any.value, true).message(prototype, depth + 1)) return false;
    std::unique_ptr<pb::Message> parsed(prototype.New());
    if (!parsed->ParsePartialFromArray(any.value.data(), static_cast<int>(any.value.size())))
      account_.well_formed = false;
    return true;
  }

  const pb::Message& prototype(const pb::FieldDescriptor& field) {
    return *account_.factory.GetPrototype(field.message_type());
  }

  // What a number takes, or one element of a list of them.
  std::int64_t element(const pb::FieldDescriptor* field) {
    if (field == nullptr) return kUnknown;
    bool is_enum = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM;
    return kScalar + (is_enum ? account_.name_of(field->enum_type()) : 0);
  }

  Account& account_;
  const pb::DescriptorPool& pool_;
  std::string_view bytes_;
  pb::io::CodedInputStream in_;
  bool in_any_;  // where no parser refuses what is nested too deeply
};

}  // namespace

Fit fit(const pb::Message& prototype, pb::MessageFactory& factory, std::string_view bytes, const MemoryBudget& budget) {
  Account account{factory, budget.bytes, budget.for_each_field};
  bool fits = Estimate(account, *prototype.GetDescriptor()->file()->pool(), bytes).message(prototype, 0);
  return {fits, account.has_any, account.well_formed};
}
