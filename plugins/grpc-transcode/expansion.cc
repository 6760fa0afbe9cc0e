#include "expansion.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

namespace {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

constexpr int kMaxDepth = 100;
constexpr std::int64_t kText = 48;    // a string, and the pointer to it
constexpr std::int64_t kScalar = 16;  // an element of a list, or a field that the type does not have

class Estimate {
 public:
  Estimate(pb::MessageFactory& factory, std::string_view bytes, const MemoryBudget& budget)
      : factory_(factory),
        in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        budget_(budget.bytes),
        for_each_field_(budget.for_each_field) {}

  bool message(const pb::Message& prototype, int depth) {
    std::int64_t fields = prototype.GetDescriptor()->field_count();
    if (!spend(static_cast<std::int64_t>(prototype.SpaceUsedLong()) + fields * for_each_field_)) return false;
    while (std::uint32_t tag = in_.ReadTag()) {
      auto kind = WireFormatLite::GetTagWireType(tag);
      if (kind == WireFormatLite::WIRETYPE_END_GROUP) return true;
      const auto* field = prototype.GetDescriptor()->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (kind == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!delimited(field, depth)) return false;
      } else if (kind == WireFormatLite::WIRETYPE_START_GROUP && is_message(field) && depth < kMaxDepth) {
        if (!message(*factory_.GetPrototype(field->message_type()), depth + 1)) return false;
      } else {
        if (!spend(kScalar)) return false;
        if (!WireFormatLite::SkipField(&in_, tag)) return true;
      }
    }
    return true;
  }

 private:
  bool spend(std::int64_t bytes) { return (budget_ -= bytes) >= 0; }

  static bool is_message(const pb::FieldDescriptor* field) {
    return field != nullptr && field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  }

  bool delimited(const pb::FieldDescriptor* field, int depth) {
    std::uint32_t size = 0;
    if (!in_.ReadVarint32(&size)) return true;
    if (is_message(field) && depth < kMaxDepth) {
      auto limit = in_.PushLimit(static_cast<int>(size));
      bool good = message(*factory_.GetPrototype(field->message_type()), depth + 1);
      in_.PopLimit(limit);
      return good;
    }
    bool is_packed = field != nullptr && field->is_packable();
    if (!in_.Skip(static_cast<int>(size))) return true;
    return spend(is_packed ? static_cast<std::int64_t>(size) * 8 : kText + static_cast<std::int64_t>(size));
  }

  pb::MessageFactory& factory_;
  pb::io::CodedInputStream in_;
  std::int64_t budget_, for_each_field_;
};

}  // namespace

bool fits(const pb::Message& prototype, pb::MessageFactory& factory, std::string_view bytes,
          const MemoryBudget& budget) {
  return Estimate(factory, bytes, budget).message(prototype, 0);
}
