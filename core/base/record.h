// Facts put down one behind the other in one small piece of memory, and read back in the same order. The same visit serves both
// ways: called with a writer it tells what there is, called with a reader it gets that back into the same places.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace postern {

// For this process alone: pointers are kept as they are.
using Record = std::unique_ptr<char[]>;

template <class T>
concept RecordNumber = std::integral<T> || std::is_enum_v<T>;

class RecordWriter {
 public:
  template <RecordNumber T>
  void number(T value) {  // small ones take one byte
    put(static_cast<std::uint64_t>(value));
  }
  void number(double value) { put(std::bit_cast<std::uint64_t>(value)); }
  template <class T>
  void pointer(T* to) {
    put(reinterpret_cast<std::uintptr_t>(to));
  }
  void text(std::string_view text);      // its bytes; those that are here already take two or three
  void lasting(std::string_view text) {  // only where it is: its bytes outlive the record
    pointer(text.data());
    number(text.size());
  }
  Record finish() const;

 private:
  void put(std::uint64_t value);
  std::string bytes_;
};

class RecordReader {
 public:
  explicit RecordReader(const Record& record) noexcept : begin_(record.get()), at_(record.get()) {}

  template <RecordNumber T>
  void number(T& value) noexcept {
    value = static_cast<T>(get());
  }
  void number(double& value) noexcept { value = std::bit_cast<double>(get()); }
  template <class T>
  void pointer(T*& to) noexcept {
    to = reinterpret_cast<T*>(static_cast<std::uintptr_t>(get()));
  }
  void text(std::string_view& text) noexcept;  // valid as long as the record
  void lasting(std::string_view& text) noexcept {
    const char* data = nullptr;
    pointer(data);
    text = {data, static_cast<std::size_t>(get())};
  }

 private:
  std::uint64_t get() noexcept;
  const char* begin_;
  const char* at_;
};

}  // namespace postern
