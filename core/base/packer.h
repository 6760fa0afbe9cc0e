// Brings texts and arrays that lie scattered into one piece of memory. The same visit of all of them is made twice: by a packer
// that only measures, then by one that has been given that much memory, copies, and lets the visited point there.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace postern {

class Packer {
 public:
  Packer() = default;  // measures, and changes nothing
  explicit Packer(std::byte* memory) noexcept
      : to_(memory) {}  // of size() bytes of the one that measured; aligned for anything

  std::size_t size() const noexcept { return size_; }

  void text(std::string_view& text) noexcept {
    if (text.empty()) return;
    text = {static_cast<const char*>(put(text.data(), text.size(), 1)), text.size()};
  }
  template <class T>
  void array(T*& first, std::size_t count) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    if (count > 0) first = static_cast<T*>(const_cast<void*>(put(first, count * sizeof(T), alignof(T))));
  }
  template <class T>
  void object(T*& one) noexcept {
    array(one, one != nullptr ? 1 : 0);
  }

 private:
  const void* put(const void* from, std::size_t bytes, std::size_t align) noexcept {
    std::size_t at = (size_ + align - 1) & ~(align - 1);
    size_ = at + bytes;
    if (to_ == nullptr) return from;
    return std::memcpy(to_ + at, from, bytes);
  }

  std::byte* to_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace postern
