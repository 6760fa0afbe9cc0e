#include "http/headers.h"

#include <algorithm>
#include <cstring>

#include "http/char_class.h"
#include "http/words.h"

namespace postern::http {
namespace {

constexpr std::uint32_t kStep = 8;  // fields that a list grows by where it is

// Whether `odd` finds nothing in the text. False may be wrong: short texts are not looked at.
template <class Odd>
inline bool none_is_odd(std::string_view text, Odd odd) noexcept {
  const char* at = text.data();
  if (text.size() < 8) return false;
  if (text.size() <= 16) return none_set(odd(all_bytes(at, text.size())));
  const std::size_t last = text.size() - 16;  // the last sixteen may overlap
  Bytes16 found = odd(bytes_at(at + last));
  for (std::size_t i = 0; i < last; i += 16) found |= odd(bytes_at(at + i));
  return none_set(found);
}

// The same name: most differ in length or in their first letter. `name` is not empty.
inline bool is_named(const Field& field, std::string_view name) noexcept {
  return field.name.size() == name.size() && ((field.name.front() ^ name.front()) & ~0x20) == 0 &&
         same_letters(field.name.data(), name.data(), name.size());
}

inline const Field* first_named(std::span<const Field> fields, std::string_view name) noexcept {
  if (name.empty()) return nullptr;
  for (const Field& field : fields)
    if (is_named(field, name)) return &field;
  return nullptr;
}

}  // namespace

bool same_letters(const char* a, const char* b, std::size_t size) noexcept {
  if (size >= 8) {
    const std::size_t last = size - 8;  // the last two words may overlap
    for (std::size_t i = 0; i < last; i += 8)
      if (!same_but_for_case(word_at(a + i), word_at(b + i))) return false;
    return same_but_for_case(word_at(a + last), word_at(b + last));
  }
  if (size >= 4) return same_but_for_case(ends_of(a, size), ends_of(b, size));
  for (std::size_t i = 0; i < size; ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

bool is_token(std::string_view text) noexcept {
  return none_is_odd(text, not_name_bytes) || (!text.empty() && all_are(text, kToken));
}

bool is_field_value(std::string_view text) noexcept { return none_is_odd(text, controls) || all_are(text, kValue); }

const Field* HeaderList::find(std::string_view name) const noexcept { return first_named(fields(), name); }

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
  value = arena_->copy(value);
  if (const Field* first = first_named(fields(), name)) return replace_from(*first, value);
  add_view(arena_->copy(name), value);
}

void HeaderList::set_view(std::string_view name, std::string_view value) {
  if (const Field* first = first_named(fields(), name)) return replace_from(*first, value);
  add_view(name, value);
}

std::size_t HeaderList::remove(std::string_view name) noexcept {
  const Field* first = find(name);
  if (first == nullptr) return 0;
  std::size_t before = size_;
  remove_from(*first);
  return before - size_;
}

void HeaderList::remove_from(const Field& first) noexcept {
  const std::string_view name = first.name;
  auto kept = static_cast<std::uint32_t>(&first - data_);
  for (std::uint32_t i = kept + 1; i < size_; ++i)
    if (!is_named(data_[i], name)) data_[kept++] = data_[i];
  size_ = kept;
}

void HeaderList::replace_from(const Field& first, std::string_view value) noexcept {
  const std::string_view name = first.name;
  const auto at = static_cast<std::uint32_t>(&first - data_);
  data_[at].value = value;
  remove_if([name](const Field& field) { return is_named(field, name); }, at + 1);
}

void HeaderList::grow(std::uint32_t wanted) {
  if (wanted <= capacity_ + kStep && arena_->extend(data_, capacity_ * sizeof(Field), kStep * sizeof(Field))) {
    capacity_ += kStep;
    return;
  }
  std::uint32_t capacity = std::max({wanted, capacity_ * 2, kStep});
  Field* data = arena_->array<Field>(capacity).data();
  if (size_ > 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(Field));
  data_ = data;
  capacity_ = capacity;
}

}  // namespace postern::http
