#include "http/headers.h"

#include <cstring>
#include <utility>

#include "http/char_class.h"

namespace postern::http {
namespace {

constexpr std::uint32_t kFirstCapacity = 16;

std::uint64_t word_at(const char* at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Whether `size` bytes, 8 or more, are the same: word by word, of which the last two may overlap.
bool spelled_alike(const char* a, const char* b, std::size_t size) noexcept {
  const std::size_t last = size - 8;
  for (std::size_t i = 0; i < last; i += 8)
    if (word_at(a + i) != word_at(b + i)) return false;
  return word_at(a + last) == word_at(b + last);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  if (a.size() >= 8 && spelled_alike(a.data(), b.data(), a.size())) return true;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

bool is_token(std::string_view text) noexcept { return !text.empty() && all_are(text, kToken); }

bool is_field_value(std::string_view text) noexcept { return all_are(text, kValue); }

const Field* HeaderList::find(std::string_view name) const noexcept {
  for (const Field& field : fields())
    if (same_name(field.name, name)) return &field;
  return nullptr;
}

std::optional<std::string_view> HeaderList::get(std::string_view name) const noexcept {
  const Field* field = find(name);
  if (field == nullptr) return std::nullopt;
  return field->value;
}

std::size_t HeaderList::count(std::string_view name) const noexcept {
  std::size_t found = 0;
  for (const Field& field : fields()) found += same_name(field.name, name) ? 1 : 0;
  return found;
}

void HeaderList::add(std::string_view name, std::string_view value) {
  add_view(arena_->copy(name), arena_->copy(value));
}

void HeaderList::set(std::string_view name, std::string_view value) {
  const Field* there = find(name);
  set_view(there != nullptr ? there->name : arena_->copy(name), arena_->copy(value));
}

std::size_t HeaderList::remove(std::string_view name) noexcept {
  std::size_t before = size_;
  remove_if([name](const Field& field) { return same_name(field.name, name); });
  return before - size_;
}

void HeaderList::set_view(std::string_view name, std::string_view value) {
  bool placed = false;
  for (std::uint32_t i = 0; i < size_ && !placed; ++i) {
    if (!same_name(data_[i].name, name)) continue;
    data_[i].value = value;
    placed = true;
  }
  if (!placed) return add_view(name, value);
  bool first = true;
  remove_if([&](const Field& field) { return same_name(field.name, name) && !std::exchange(first, false); });
}

void HeaderList::grow() {
  std::uint32_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
  Field* data = arena_->array<Field>(capacity).data();
  if (size_ > 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(Field));
  data_ = data;
  capacity_ = capacity;
}

}  // namespace postern::http
