#include "base/record.h"

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

constexpr std::size_t kShortest = 3;    // of texts that are looked for
constexpr std::size_t kWindow = 1'024;  // how much of what is written is looked through

std::size_t position(std::string_view in, std::string_view text) noexcept {
  const void* found = memmem(in.data(), in.size(), text.data(), text.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
}

}  // namespace

// Seven bits in a byte, the lowest first; the eighth says that more follow.
void RecordWriter::put(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
  bytes_.push_back(static_cast<char>(value));
}

// The length, doubled; odd: then comes where the bytes are, else the bytes.
void RecordWriter::text(std::string_view text) {
  std::size_t at = std::string_view::npos;
  if (text.size() >= kShortest) at = position(std::string_view(bytes_).substr(0, kWindow), text);
  bool known = at != std::string_view::npos;
  put(text.size() * 2 + (known ? 1 : 0));
  known ? put(at) : static_cast<void>(bytes_.append(text));
}

Record RecordWriter::finish() const {
  Record record(new char[bytes_.size()]);
  std::copy(bytes_.begin(), bytes_.end(), record.get());
  return record;
}

std::uint64_t RecordReader::get() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    auto byte = static_cast<unsigned char>(*at_++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

void RecordReader::text(std::string_view& text) noexcept {
  std::uint64_t code = get();
  std::size_t size = code / 2;
  bool known = code % 2 != 0;
  text = {known ? begin_ + get() : at_, size};
  if (!known) at_ += size;
}

}  // namespace postern
