// An ordered list of header fields. Names compare without regard to ASCII case; order and spelling are kept.
// The bytes live in an arena that outlives the list.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"

namespace postern::http {

struct Field {
  std::string_view name;
  std::string_view value;  // no leading or trailing whitespace
};

bool same_letters(const char* a, const char* b, std::size_t size) noexcept;
inline bool same_name(std::string_view a, std::string_view b) noexcept {  // ASCII case-insensitive
  return a.size() == b.size() && same_letters(a.data(), b.data(), a.size());
}
bool is_token(std::string_view text) noexcept;        // RFC 9110 section 5.6.2; false when empty
bool is_field_value(std::string_view text) noexcept;  // section 5.5: no CR, LF, NUL or other controls but HTAB

class HeaderList {
 public:
  explicit HeaderList(Arena& arena) noexcept : arena_(&arena) {}

  std::span<const Field> fields() const noexcept { return {data_, size_}; }
  const Field* begin() const noexcept { return data_; }
  const Field* end() const noexcept { return data_ + size_; }
  std::size_t size() const noexcept { return size_; }

  const Field* find(std::string_view name) const noexcept;                    // the first; null when absent
  std::optional<std::string_view> get(std::string_view name) const noexcept;  // its value
  std::size_t count(std::string_view name) const noexcept;

  // Copy their arguments into the arena. Callers check names and values that come from outside.
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  // replaces the first, drops the others, or appends
  std::size_t remove(std::string_view name) noexcept;       // how many went
  void remove_from(const Field& first) noexcept;            // that one, and those of its name behind it

  void add_view(std::string_view name, std::string_view value) {  // the bytes already outlive the list
    if (size_ == capacity_) grow(size_ + 1);
    data_[size_++] = {name, value};
  }
  void set_view(std::string_view name, std::string_view value);
  template <class Predicate>
  void remove_if(Predicate gone, std::uint32_t first = 0) noexcept {  // the ones before `first` stay
    std::uint32_t kept = first;
    while (kept < size_ && !gone(data_[kept])) ++kept;  // often nothing has to move
    for (std::uint32_t i = kept + 1; i < size_; ++i)
      if (!gone(data_[i])) data_[kept++] = data_[i];
    size_ = kept;
  }
  void clear() noexcept { size_ = 0; }
  void reserve(std::uint32_t fields) {  // room for so many in one piece of memory
    if (fields > capacity_) grow(fields);
  }
  Arena& arena() const noexcept { return *arena_; }

 private:
  void grow(std::uint32_t wanted);
  void replace_from(const Field& first, std::string_view value) noexcept;  // by one with that value

  Arena* arena_;
  Field* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace postern::http
